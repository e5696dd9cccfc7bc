-- The numbers of campaigns' reports: what the users' exposures, and what happened again and again, come to.
CREATE TABLE reports (
    workspace INTEGER NOT NULL,
    campaign TEXT NOT NULL,
    -- Days since 1970, of UTC.
    day INTEGER NOT NULL,
    -- Empty: none.
    variant TEXT NOT NULL,
    figure TEXT NOT NULL,
    amount INTEGER NOT NULL,
    PRIMARY KEY (workspace, campaign, day, variant, figure)
) STRICT, WITHOUT ROWID;

-- What is kept of a user for them.
ALTER TABLE users ADD COLUMN exposures BLOB;

-- How many checkpoints there have been: says whether one is in here.
ALTER TABLE progress ADD COLUMN checkpoint INTEGER NOT NULL DEFAULT 0;
