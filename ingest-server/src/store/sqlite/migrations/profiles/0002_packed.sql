-- Profiles, aliases, devices and memberships become MessagePack, a third of what JSON takes to write and to read. What was JSON stays
-- so until it is next written: hence ANY.
CREATE TABLE packed_users (
    id INTEGER PRIMARY KEY,
    workspace INTEGER NOT NULL,
    external_id TEXT,
    -- Set when the user turned out to be another one; everything is there then.
    merged_into INTEGER,
    profile ANY NOT NULL,
    aliases ANY NOT NULL,
    devices ANY NOT NULL,
    memberships ANY NOT NULL,
    -- When a membership could next change by itself, in milliseconds since 1970.
    due INTEGER
) STRICT;
INSERT INTO packed_users SELECT id, workspace, external_id, merged_into, profile, aliases, devices, memberships, due FROM users;
DROP TABLE users;
ALTER TABLE packed_users RENAME TO users;
CREATE UNIQUE INDEX users_by_external_id ON users (workspace, external_id) WHERE external_id IS NOT NULL;
CREATE INDEX users_by_merged_into ON users (merged_into) WHERE merged_into IS NOT NULL;
CREATE INDEX users_by_due ON users (due, id) WHERE due IS NOT NULL;
