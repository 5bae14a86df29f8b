-- The audit log ends, too, but not by anybody's hand: what is younger than a year goes by no way, and what is older only through forget_audit.
CREATE OR REPLACE FUNCTION audit_log_is_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND TG_LEVEL = 'ROW' AND current_setting('flextraff.forgets_audit', true) = 'on' THEN
        IF OLD.at < now() - interval '365 days' THEN
            RETURN OLD;
        END IF;
    END IF;
    RAISE EXCEPTION 'the audit log is only written to the end' USING ERRCODE = 'insufficient_privilege';
END;
$$;

-- Takes out lines from before a moment; how many.
CREATE FUNCTION forget_audit(before timestamptz) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    gone bigint;
BEGIN
    PERFORM set_config('flextraff.forgets_audit', 'on', true);
    DELETE FROM audit_log WHERE at < least(before, now() - interval '365 days');
    GET DIAGNOSTICS gone = ROW_COUNT;
    PERFORM set_config('flextraff.forgets_audit', 'off', true);
    RETURN gone;
END;
$$;

-- Refusals beyond the many a minute that have a line each: summed up by minute and account until the minute is over.
CREATE TABLE refusals (
    action   text NOT NULL CHECK (length(action) BETWEEN 1 AND 100),
    at       timestamptz NOT NULL,
    -- Empty: nobody has the name that was shown.
    username text NOT NULL,
    user_id  uuid,
    refused  bigint NOT NULL,
    PRIMARY KEY (action, at, username)
);

-- Makes a line of each sum whose minute is over. Of several servers one does.
CREATE FUNCTION sum_up_refusals() RETURNS bigint LANGUAGE sql AS $$
    WITH over AS (
        DELETE FROM refusals r USING (
            SELECT action, at, username FROM refusals WHERE at < date_trunc('minute', now()) FOR UPDATE SKIP LOCKED) o
        WHERE r.action = o.action AND r.at = o.at AND r.username = o.username RETURNING r.*
    ), told AS (
        INSERT INTO audit_log (user_id, username, action, detail)
        SELECT user_id, nullif(username, ''), action, jsonb_build_object('refused', refused, 'minute', at) FROM over
        RETURNING 1
    )
    SELECT count(*) FROM told
$$;
