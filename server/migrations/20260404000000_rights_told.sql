-- Whoever loses a right loses it at once, at every server: live feeds look their rights up again when they are told.

CREATE FUNCTION rights_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('flextraff_rights', coalesce(NEW.user_id, OLD.user_id)::text);
    RETURN NULL;
END;
$$;
CREATE TRIGGER rights_changed AFTER INSERT OR DELETE ON user_junction_access
    FOR EACH ROW EXECUTE FUNCTION rights_changed();
CREATE TRIGGER rights_changed AFTER UPDATE OF is_admin, is_active ON users
    FOR EACH ROW WHEN ((OLD.is_admin, OLD.is_active) IS DISTINCT FROM (NEW.is_admin, NEW.is_active))
    EXECUTE FUNCTION rights_changed();
CREATE TRIGGER rights_gone AFTER DELETE ON users
    FOR EACH ROW EXECUTE FUNCTION rights_changed();
CREATE TRIGGER rights_changed AFTER UPDATE OF revoked_at ON sessions
    FOR EACH ROW WHEN (NEW.revoked_at IS DISTINCT FROM OLD.revoked_at)
    EXECUTE FUNCTION rights_changed();
