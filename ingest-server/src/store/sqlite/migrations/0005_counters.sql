-- What is counted of users because segments ask for it: events and purchases with certain properties, or of a certain time.
CREATE TABLE counters (
    -- Under which profiles count. Never used again.
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    workspace INTEGER NOT NULL,
    -- A number for what is asked.
    definition INTEGER NOT NULL,
    -- Batches up to this one were there before the counter. They are counted from the log, later ones when they arrive.
    since INTEGER NOT NULL,
    -- Whether those have been counted: 0 or 1.
    is_complete INTEGER NOT NULL,
    started_at INTEGER NOT NULL,
    UNIQUE (workspace, definition)
) STRICT;

-- What a segment's own filter asks to be counted, a JSON array of definitions. NULL: that has not been looked up yet.
ALTER TABLE segments ADD COLUMN counts TEXT;

-- Changes of who is in which segment are swept like batches: the last one that was.
ALTER TABLE swept ADD COLUMN change INTEGER NOT NULL DEFAULT 0;
