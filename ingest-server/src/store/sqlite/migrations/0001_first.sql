-- Workspaces and what is defined in them.
CREATE TABLE workspaces (
    key INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    -- Grows with every change of a segment.
    revision INTEGER NOT NULL DEFAULT 1
) STRICT;

CREATE TABLE sdk_keys (
    sdk_key TEXT PRIMARY KEY,
    workspace INTEGER NOT NULL REFERENCES workspaces (key)
) STRICT;

CREATE TABLE secret_keys (
    -- SHA-256: the key itself is not kept.
    hash BLOB PRIMARY KEY,
    workspace INTEGER NOT NULL REFERENCES workspaces (key)
) STRICT;

CREATE TABLE segments (
    workspace INTEGER NOT NULL REFERENCES workspaces (key),
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    filter TEXT NOT NULL,
    PRIMARY KEY (workspace, id)
) STRICT;

CREATE TABLE campaigns (
    workspace INTEGER NOT NULL REFERENCES workspaces (key),
    id TEXT NOT NULL,
    definition TEXT NOT NULL,
    PRIMARY KEY (workspace, id)
) STRICT;

-- Users. Profiles and memberships are JSON, so that `sqlite3` shows them and its json functions query them.
CREATE TABLE users (
    id INTEGER PRIMARY KEY,
    workspace INTEGER NOT NULL REFERENCES workspaces (key),
    external_id TEXT,
    -- Set when the user turned out to be another one; everything is there then.
    merged_into INTEGER,
    profile TEXT NOT NULL,
    memberships TEXT NOT NULL,
    -- When a membership could next change by itself, in milliseconds since 1970.
    due INTEGER
) STRICT;

CREATE UNIQUE INDEX users_by_external_id ON users (workspace, external_id) WHERE external_id IS NOT NULL;
CREATE INDEX users_by_merged_into ON users (workspace, merged_into) WHERE merged_into IS NOT NULL;
CREATE INDEX users_by_due ON users (due) WHERE due IS NOT NULL;

-- A rowid table with a unique index is several times faster here than a composite primary key without rowid.
CREATE TABLE anonymous_ids (
    workspace INTEGER NOT NULL,
    anonymous_id BLOB NOT NULL,
    user INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX anonymous_ids_by_id ON anonymous_ids (workspace, anonymous_id);
CREATE INDEX anonymous_ids_by_user ON anonymous_ids (workspace, user);

CREATE TABLE devices (
    workspace INTEGER NOT NULL,
    device BLOB NOT NULL,
    -- Whoever used it last.
    user INTEGER NOT NULL,
    last_seen INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX devices_by_id ON devices (workspace, device);
CREATE INDEX devices_by_user ON devices (workspace, user, last_seen);

-- The watermark of each stream: every record up to `seq` has been taken or rejected, once and for all.
CREATE TABLE streams (
    workspace INTEGER NOT NULL,
    stream BLOB NOT NULL,
    seq INTEGER NOT NULL,
    -- When its last record happened, by the server's clock.
    at INTEGER NOT NULL,
    last_used INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX streams_by_id ON streams (workspace, stream);

-- The record log: a row for each batch.
CREATE TABLE batches (
    id INTEGER PRIMARY KEY,
    workspace INTEGER NOT NULL,
    user INTEGER NOT NULL,
    device BLOB NOT NULL,
    stream BLOB NOT NULL,
    received_at INTEGER NOT NULL,
    -- An array of {"at": by the server's clock, "record": as it was sent}.
    records TEXT NOT NULL
) STRICT;
CREATE INDEX batches_by_user ON batches (workspace, user, id);

-- The records one by one, for people with `sqlite3`.
CREATE VIEW records AS
SELECT
    workspaces.id AS workspace,
    batches.user AS user,
    item.value ->> '$.record.seq' AS seq,
    item.value ->> '$.record.type' AS type,
    item.value ->> '$.record.name' AS name,
    strftime('%Y-%m-%dT%H:%M:%fZ', (item.value ->> '$.at') / 1000.0, 'unixepoch') AS at,
    strftime('%Y-%m-%dT%H:%M:%fZ', batches.received_at / 1000.0, 'unixepoch') AS received_at,
    lower(hex(batches.device)) AS device,
    lower(hex(batches.stream)) AS stream,
    item.value -> '$.record' AS record
FROM batches
JOIN workspaces ON workspaces.key = batches.workspace
JOIN json_each(batches.records) AS item;
