-- How many messages of alarms went out within the hour: of all servers together, and whichever of them has started anew meanwhile.
CREATE TABLE alarm_brakes (
    critical boolean PRIMARY KEY,
    -- When each was let through.
    passed   timestamptz[] NOT NULL DEFAULT '{}',
    -- How many were held back since the last of these.
    held     bigint NOT NULL DEFAULT 0
);
INSERT INTO alarm_brakes (critical) VALUES (false), (true);
