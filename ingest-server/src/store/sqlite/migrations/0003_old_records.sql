-- The step before wrote the records of the first version's batches as a text that contains JSON: SQLite forgets what is JSON when it
-- comes out of a subquery. They become a list, as in every other batch.
UPDATE batches
SET body = json_set(body, '$.records', json(body ->> '$.records'))
WHERE json_type(body, '$.records') = 'text';
