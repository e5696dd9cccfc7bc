-- What the record log comes to: users and all that finds them. It is written down now and then, and says up to where in the log.
CREATE TABLE progress (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    -- The last batch of the log whose effects are in here.
    batch INTEGER NOT NULL,
    -- Up to which stream has been looked whether it is still used.
    swept_workspace INTEGER NOT NULL,
    swept_stream BLOB NOT NULL
) STRICT;
INSERT INTO progress VALUES (1, 0, 0, x'');

-- Profiles, devices and memberships are JSON, so that `sqlite3` shows them and its json functions query them.
CREATE TABLE users (
    id INTEGER PRIMARY KEY,
    workspace INTEGER NOT NULL,
    external_id TEXT,
    -- Set when the user turned out to be another one; everything is there then.
    merged_into INTEGER,
    profile TEXT NOT NULL,
    aliases TEXT NOT NULL,
    devices TEXT NOT NULL,
    memberships TEXT NOT NULL,
    -- When a membership could next change by itself, in milliseconds since 1970.
    due INTEGER
) STRICT;
CREATE UNIQUE INDEX users_by_external_id ON users (workspace, external_id) WHERE external_id IS NOT NULL;
CREATE INDEX users_by_merged_into ON users (merged_into) WHERE merged_into IS NOT NULL;
CREATE INDEX users_by_due ON users (due, id) WHERE due IS NOT NULL;

-- Rows of these are small, and written many at a time in the order of their keys.
CREATE TABLE anonymous_ids (
    workspace INTEGER NOT NULL,
    anonymous_id BLOB NOT NULL,
    user INTEGER NOT NULL,
    PRIMARY KEY (workspace, anonymous_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE aliases (
    workspace INTEGER NOT NULL,
    label TEXT NOT NULL,
    name TEXT NOT NULL,
    user INTEGER NOT NULL,
    PRIMARY KEY (workspace, label, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE devices (
    workspace INTEGER NOT NULL,
    device BLOB NOT NULL,
    -- Whoever used it last.
    user INTEGER NOT NULL,
    PRIMARY KEY (workspace, device)
) STRICT, WITHOUT ROWID;

-- The watermark of each stream: every record up to `seq` has been taken or rejected, once and for all.
CREATE TABLE streams (
    workspace INTEGER NOT NULL,
    stream BLOB NOT NULL,
    seq INTEGER NOT NULL,
    -- When its last record happened, by the server's clock.
    at INTEGER NOT NULL,
    -- Records that the device lost.
    lost INTEGER NOT NULL,
    last_used INTEGER NOT NULL,
    PRIMARY KEY (workspace, stream)
) STRICT, WITHOUT ROWID;

-- Which batches of the log are whose, and from when to when their records happened. By span of the log first (so many thousand
-- batches): new rows go into the last span only, so that writing them stays cheap however long the log gets.
CREATE TABLE batches_by_user (
    span INTEGER NOT NULL,
    workspace INTEGER NOT NULL,
    user INTEGER NOT NULL,
    batch INTEGER NOT NULL,
    first_at INTEGER NOT NULL,
    last_at INTEGER NOT NULL,
    PRIMARY KEY (span, workspace, user, batch)
) STRICT, WITHOUT ROWID;
