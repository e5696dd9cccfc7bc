-- How many were in a segment at the end of each hour in which that changed.
CREATE TABLE segment_history (
    workspace INTEGER NOT NULL,
    segment INTEGER NOT NULL,
    -- Hours since 1970.
    hour INTEGER NOT NULL,
    size INTEGER NOT NULL,
    PRIMARY KEY (workspace, segment, hour)
) STRICT, WITHOUT ROWID;
