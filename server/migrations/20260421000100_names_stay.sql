-- Who did it is known also when his account is gone: the name stands beside the id.
ALTER TABLE manual_override_history
    ADD COLUMN username text,
    ADD COLUMN ended_by_name text;
UPDATE manual_override_history o SET
    username = (SELECT username FROM users u WHERE u.user_id = o.user_id),
    ended_by_name = (SELECT username FROM users u WHERE u.user_id = o.ended_by)
WHERE user_id IS NOT NULL OR ended_by IS NOT NULL;
ALTER TABLE alarms ADD COLUMN acknowledged_by_name text;
UPDATE alarms a SET acknowledged_by_name = username FROM users u WHERE u.user_id = a.acknowledged_by;
ALTER TABLE system_logs ADD COLUMN username text;
UPDATE system_logs s SET username = u.username FROM users u WHERE u.user_id = s.user_id;
ALTER TABLE traffic_cycles ADD COLUMN override_by_name text;
UPDATE traffic_cycles c SET override_by_name = u.username FROM users u WHERE u.user_id = c.override_by_user_id;
