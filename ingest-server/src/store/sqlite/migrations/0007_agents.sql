-- Where less than everything may be known by the User-Agent header, and that or what it says was new of the device: what may be known,
-- and what it says of it, unless the header itself may be kept and is in `user_agent`. A JSON object with `allowed`, and perhaps `said`.
ALTER TABLE batches ADD COLUMN agent TEXT;
