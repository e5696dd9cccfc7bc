-- Segments get a place that stays theirs, and say in which revision of the workspace's segments who is in them last became another
-- question. (The revision grows by one, so that everybody is looked at anew.)
ALTER TABLE segments ADD COLUMN place INTEGER NOT NULL DEFAULT 0;
ALTER TABLE segments ADD COLUMN changed_in INTEGER NOT NULL DEFAULT 0;
UPDATE segments SET place = (
    SELECT count(*) FROM segments AS before WHERE before.workspace = segments.workspace AND before.id < segments.id
);
UPDATE workspaces SET revision = revision + 1;
UPDATE segments SET changed_in = (SELECT revision FROM workspaces WHERE key = segments.workspace);
CREATE UNIQUE INDEX segments_by_place ON segments (workspace, place);

-- Who entered a segment and who left it, in the order in which that was found.
CREATE TABLE changes (
    id INTEGER PRIMARY KEY,
    workspace INTEGER NOT NULL,
    -- The segment's place.
    segment INTEGER NOT NULL,
    user INTEGER NOT NULL,
    -- 1: entered, 0: left.
    entered INTEGER NOT NULL,
    at INTEGER NOT NULL
) STRICT;

-- Segments whose question is being put to all users.
CREATE TABLE backfills (
    workspace INTEGER PRIMARY KEY,
    -- The revision that all users are brought to.
    revision INTEGER NOT NULL,
    -- Users up to this number have been.
    cursor INTEGER NOT NULL,
    -- The last user there was when it began: who came later is new enough.
    last_user INTEGER NOT NULL,
    -- How many those were.
    done INTEGER NOT NULL,
    started_at INTEGER NOT NULL
) STRICT;
