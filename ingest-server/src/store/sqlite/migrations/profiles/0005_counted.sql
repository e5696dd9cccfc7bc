-- For counters that the log has not all been counted for: the last batch that has been.
CREATE TABLE counted (
    counter INTEGER PRIMARY KEY,
    batch INTEGER NOT NULL
) STRICT;
