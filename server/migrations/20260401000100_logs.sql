-- What an operator should see: found by what it is about, and told to every server when it is written.

CREATE INDEX system_logs_page ON system_logs (logged_at DESC, log_id DESC);
DROP INDEX system_logs_time;
CREATE INDEX system_logs_type ON system_logs (log_type, logged_at);

CREATE FUNCTION system_log_written() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('flextraff_log', NEW.log_id::text);
    RETURN NULL;
END;
$$;
CREATE TRIGGER system_log_written AFTER INSERT ON system_logs FOR EACH ROW EXECUTE FUNCTION system_log_written();
