-- Whoever looks at any server sees alarms open, be acknowledged and be over, whichever server that came about at.

CREATE FUNCTION alarm_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('flextraff_alarm', NEW.alarm_id::text);
    RETURN NULL;
END;
$$;
CREATE TRIGGER alarm_opened AFTER INSERT ON alarms
    FOR EACH ROW EXECUTE FUNCTION alarm_changed();
CREATE TRIGGER alarm_changed AFTER UPDATE OF acknowledged_at, closed_at ON alarms
    FOR EACH ROW WHEN ((OLD.acknowledged_at, OLD.closed_at) IS DISTINCT FROM (NEW.acknowledged_at, NEW.closed_at))
    EXECUTE FUNCTION alarm_changed();
