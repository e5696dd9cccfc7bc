-- The log keeps each flush as it was sent, instead of making a row of every record's text anew: less to do before an answer.
-- Users and all that finds them move into a file of their own, `profiles.db`.
DROP VIEW records;
DROP INDEX batches_by_user;
ALTER TABLE batches RENAME TO old_batches;

CREATE TABLE batches (
    id INTEGER PRIMARY KEY,
    workspace INTEGER NOT NULL,
    user INTEGER NOT NULL,
    received_at INTEGER NOT NULL,
    -- The watermark of the stream afterwards.
    seq INTEGER NOT NULL,
    -- Places that the stream skipped: records that the device lost.
    lost INTEGER NOT NULL,
    -- When each record happened by the server's clock, where that is not what the device said: an array of milliseconds.
    times TEXT,
    -- The User-Agent header, where it said something new of the device.
    user_agent TEXT,
    -- The flush, with only the records that were taken.
    body TEXT NOT NULL
) STRICT;

-- The last batch that was let go of. Numbers are not used again.
CREATE TABLE swept (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    batch INTEGER NOT NULL
) STRICT;
INSERT INTO swept VALUES (1, 0);

INSERT INTO batches (id, workspace, user, received_at, seq, lost, times, body)
SELECT
    id, workspace, user, received_at,
    coalesce((SELECT max(value ->> '$.record.seq') FROM json_each(records)), 0), 0,
    (SELECT json_group_array(value ->> '$.at') FROM json_each(records)),
    json_object(
        'device', lower(substr(hex(device), 1, 8) || '-' || substr(hex(device), 9, 4) || '-' || substr(hex(device), 13, 4)
            || '-' || substr(hex(device), 17, 4) || '-' || substr(hex(device), 21)),
        'stream', lower(substr(hex(stream), 1, 8) || '-' || substr(hex(stream), 9, 4) || '-' || substr(hex(stream), 13, 4)
            || '-' || substr(hex(stream), 17, 4) || '-' || substr(hex(stream), 21)),
        'identity', json('{}'),
        'sent_at', received_at,
        'records', (SELECT json_group_array(value -> '$.record') FROM json_each(records))
    )
FROM old_batches;

DROP TABLE old_batches;

-- The records one by one, for people with `sqlite3`.
CREATE VIEW records AS
SELECT
    workspaces.id AS workspace,
    batches.user AS user,
    record.value ->> '$.seq' AS seq,
    record.value ->> '$.type' AS type,
    record.value ->> '$.name' AS name,
    strftime('%Y-%m-%dT%H:%M:%fZ',
        coalesce(json_extract(batches.times, '$[' || record.key || ']'), record.value ->> '$.at') / 1000.0, 'unixepoch') AS at,
    strftime('%Y-%m-%dT%H:%M:%fZ', batches.received_at / 1000.0, 'unixepoch') AS received_at,
    batches.body ->> '$.device' AS device,
    batches.body ->> '$.stream' AS stream,
    record.value AS record
FROM batches
JOIN workspaces ON workspaces.key = batches.workspace
JOIN json_each(batches.body, '$.records') AS record;
