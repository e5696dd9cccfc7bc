INSERT OR REPLACE INTO users (id, workspace, external_id, merged_into, profile, aliases, devices, memberships, due)
SELECT
    id, workspace, iif(merged_into IS NULL, external_id, NULL), merged_into,
    iif(merged_into IS NULL, profile, '{}'), '[]',
    (SELECT json_group_array(json_object(
        'id', lower(substr(hex(device), 1, 8) || '-' || substr(hex(device), 9, 4) || '-' || substr(hex(device), 13, 4)
            || '-' || substr(hex(device), 17, 4) || '-' || substr(hex(device), 21)),
        'last_seen', last_seen))
     FROM log.devices WHERE log.devices.user = log.users.id),
    -- Of no revision: they are computed anew when they are next looked at, which the timer sees to.
    '{"revision":0,"verdicts":[]}',
    iif(merged_into IS NULL, 0, NULL)
FROM log.users;

INSERT OR REPLACE INTO anonymous_ids SELECT workspace, anonymous_id, user FROM log.anonymous_ids;
INSERT OR REPLACE INTO devices SELECT workspace, device, user FROM log.devices;
INSERT OR REPLACE INTO streams SELECT workspace, stream, seq, at, 0, last_used FROM log.streams;

INSERT OR REPLACE INTO batches_by_user
SELECT
    id >> 18, workspace, user, id,
    (SELECT min(value) FROM json_each(times)),
    (SELECT max(value) FROM json_each(times))
FROM log.batches;

UPDATE progress SET batch = (SELECT coalesce(max(id), 0) FROM log.batches);
