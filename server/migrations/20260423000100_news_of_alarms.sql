-- Not only that an alarm opens is told until somebody has taken it, but whatever becomes of it last.
ALTER TABLE alarms
    ADD COLUMN news text NOT NULL DEFAULT 'opened' CHECK (news IN ('opened', 'changed', 'acknowledged', 'closed')),
    -- Tells later news from earlier ones: told_at, told_by and told_until are of the last.
    ADD COLUMN news_number integer NOT NULL DEFAULT 1,
    ADD COLUMN news_at timestamptz NOT NULL DEFAULT now();
-- What was over before was told then, or is nobody's concern any more.
UPDATE alarms SET news_at = opened_at;
UPDATE alarms SET news = 'closed', news_at = closed_at, told_at = coalesce(told_at, closed_at) WHERE closed_at IS NOT NULL;
DROP INDEX alarms_untold;
CREATE INDEX alarms_untold ON alarms (news_at) WHERE told_at IS NULL;
