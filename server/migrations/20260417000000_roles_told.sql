-- A role that is changed is told as one that is given or taken away: open pages offer what it allows.

DROP TRIGGER rights_changed ON user_junction_access;
CREATE TRIGGER rights_changed AFTER INSERT OR DELETE OR UPDATE OF role ON user_junction_access
    FOR EACH ROW EXECUTE FUNCTION rights_changed();
