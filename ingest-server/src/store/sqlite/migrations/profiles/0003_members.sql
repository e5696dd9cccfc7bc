-- Who is in a segment, and how many they are: what the log's `changes` come to.
CREATE TABLE members (
    workspace INTEGER NOT NULL,
    segment INTEGER NOT NULL,
    user INTEGER NOT NULL,
    PRIMARY KEY (workspace, segment, user)
) STRICT, WITHOUT ROWID;

CREATE TABLE segment_sizes (
    workspace INTEGER NOT NULL,
    segment INTEGER NOT NULL,
    size INTEGER NOT NULL,
    PRIMARY KEY (workspace, segment)
) STRICT, WITHOUT ROWID;

-- The last of the changes that is in here.
ALTER TABLE progress ADD COLUMN change INTEGER NOT NULL DEFAULT 0;

-- Nobody is in any segment until they are found to be, and that has become a change.
UPDATE users SET memberships = '{"revision":0,"verdicts":[]}', due = 0 WHERE merged_into IS NULL;
