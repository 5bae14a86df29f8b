-- When plans ran, how overrides ended, and plans by day and hour.

ALTER TABLE green_times
    -- When it was sent first; sent_at moves on each time that it is sent again.
    ADD COLUMN first_sent_at timestamptz NOT NULL DEFAULT now(),
    -- When the road last began to run it.
    ADD COLUMN ran_from timestamptz,
    -- When the road said that another one runs.
    ADD COLUMN ran_until timestamptz,
    DROP CONSTRAINT green_times_state_check,
    ADD CONSTRAINT green_times_state_check
        CHECK (state IN ('sent', 'pending', 'running', 'refused', 'replaced', 'expired'));
UPDATE green_times SET first_sent_at = sent_at, ran_from = CASE WHEN state = 'running' THEN confirmed_at END;
-- Of several plans that were once said to run only the last one may still do so.
UPDATE green_times old SET state = 'replaced' WHERE state = 'running' AND EXISTS (
    SELECT FROM green_times new
    WHERE new.junction_id = old.junction_id AND new.state = 'running' AND new.confirmed_at > old.confirmed_at);
DROP INDEX green_times_sent;
CREATE INDEX green_times_first_sent ON green_times (junction_id, first_sent_at DESC, plan_id DESC);
CREATE INDEX green_times_ran ON green_times (junction_id, ran_from DESC) WHERE ran_from IS NOT NULL;

ALTER TABLE manual_override_history
    -- Null while it runs: its time was over, somebody ended it, another one took its place, or the road refused it.
    ADD COLUMN end_reason text CHECK (end_reason IN ('expired', 'ended', 'replaced', 'refused')),
    -- Who ended it, or set the one that took its place.
    ADD COLUMN ended_by uuid REFERENCES users ON DELETE SET NULL;
UPDATE manual_override_history
SET end_reason = CASE WHEN override_end = expires_at THEN 'expired' ELSE 'ended' END
WHERE override_end IS NOT NULL;
ALTER TABLE manual_override_history ADD CHECK ((override_end IS NULL) = (end_reason IS NULL));

-- Fixed plans and limits by day and hour, in the junction's time zone.
DROP TABLE schedules;
CREATE TABLE schedules (
    junction_id uuid NOT NULL REFERENCES junctions ON DELETE CASCADE,
    entry_index integer NOT NULL CHECK (entry_index BETWEEN 0 AND 1000),
    entry_name  text NOT NULL CHECK (length(entry_name) BETWEEN 1 AND 100),
    -- The days on which it starts; holiday: the junction's and its city's, whose weekday then does not count.
    days        text[] NOT NULL CHECK (cardinality(days) >= 1 AND days <@ '{mon,tue,wed,thu,fri,sat,sun,holiday}'::text[]),
    starts_at   time NOT NULL,
    -- Not later than the start: on the next day.
    ends_at     time NOT NULL,
    -- A fixed plan: [{stage, green_s}] and seconds after the common zero.
    stages      jsonb CHECK (jsonb_typeof(stages) = 'array'),
    offset_s    integer CHECK (offset_s BETWEEN 0 AND 3600),
    -- Or limits, seconds.
    min_cycle_s integer CHECK (min_cycle_s BETWEEN 1 AND 3600),
    max_cycle_s integer CHECK (max_cycle_s BETWEEN 1 AND 3600),
    min_green_s integer CHECK (min_green_s BETWEEN 1 AND 3600),
    max_green_s integer CHECK (max_green_s BETWEEN 1 AND 3600),
    PRIMARY KEY (junction_id, entry_index),
    UNIQUE (junction_id, entry_name),
    CHECK ((stages IS NOT NULL) <> (num_nonnulls(min_cycle_s, max_cycle_s, min_green_s, max_green_s) > 0)),
    CHECK (offset_s IS NULL OR stages IS NOT NULL),
    CHECK (min_cycle_s <= max_cycle_s),
    CHECK (min_green_s <= max_green_s)
);

-- Days on which a schedule's entries for holidays hold: of a whole city or of one junction.
CREATE TABLE holidays (
    city         text CHECK (length(city) BETWEEN 1 AND 200),
    junction_id  uuid REFERENCES junctions ON DELETE CASCADE,
    day          date NOT NULL,
    holiday_name text NOT NULL CHECK (length(holiday_name) BETWEEN 1 AND 100),
    CHECK (num_nonnulls(city, junction_id) = 1)
);
CREATE UNIQUE INDEX holidays_city ON holidays (city, day) WHERE city IS NOT NULL;
CREATE UNIQUE INDEX holidays_junction ON holidays (junction_id, day) WHERE junction_id IS NOT NULL;
