-- Whom an alarm has not reached hears of it later, from whichever server is there.

ALTER TABLE alarms
    -- When its opening had been told by every way that the configuration names, or was not to be told.
    ADD COLUMN told_at timestamptz,
    -- The ways by which it was told: webhook, mail.
    ADD COLUMN told_by text[] NOT NULL DEFAULT '{}',
    -- Until then a server tells it; the one that opens it first. A server of an older version tells what it opens and does not say so here.
    ADD COLUMN told_until timestamptz NOT NULL DEFAULT 'infinity';
UPDATE alarms SET told_at = opened_at;
CREATE INDEX alarms_untold ON alarms (opened_at) WHERE told_at IS NULL AND closed_at IS NULL;
