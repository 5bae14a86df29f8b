-- The list of junctions is asked for all the time and changes hardly ever: its version comes with the look-up of the session, so that a server
-- sends again what it has sent before without asking for the list. Changes with what is committed, and is no count: what a backup brings back
-- never has the version of anything else.

CREATE TABLE junction_list (
    one     boolean PRIMARY KEY DEFAULT true CHECK (one),
    version uuid NOT NULL DEFAULT gen_random_uuid()
);
INSERT INTO junction_list DEFAULT VALUES;

CREATE FUNCTION junction_list_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- Once a transaction.
    UPDATE junction_list SET version = gen_random_uuid() WHERE xmin <> pg_current_xact_id()::xid;
    RETURN NULL;
END;
$$;
-- At the end of each transaction: who waits here waits for nobody who waits for him.
CREATE CONSTRAINT TRIGGER junction_list_grew AFTER INSERT OR DELETE ON junctions
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION junction_list_changed();
CREATE CONSTRAINT TRIGGER junction_list_changed AFTER UPDATE ON junctions
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN ((OLD.junction_id, OLD.junction_name, OLD.city, OLD.latitude, OLD.longitude, OLD.status, OLD.current_mode,
           OLD.min_cycle_time, OLD.max_cycle_time, OLD.base_cycle_time, OLD.created_at)
          IS DISTINCT FROM
          (NEW.junction_id, NEW.junction_name, NEW.city, NEW.latitude, NEW.longitude, NEW.status, NEW.current_mode,
           NEW.min_cycle_time, NEW.max_cycle_time, NEW.base_cycle_time, NEW.created_at))
    EXECUTE FUNCTION junction_list_changed();
CREATE CONSTRAINT TRIGGER junction_list_granted AFTER INSERT OR DELETE OR UPDATE ON user_junction_access
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION junction_list_changed();
