CREATE VIEW v_junction_health AS
SELECT j.junction_id, j.junction_name, j.city, j.status, j.current_mode, j.last_heartbeat,
       EXTRACT(EPOCH FROM (now() - j.last_heartbeat)) AS seconds_since_heartbeat,
       coalesce(d.total_devices, 0) AS total_devices,
       coalesce(d.online_devices, 0) AS online_devices,
       coalesce(l.active_lanes, 0) AS active_lanes
FROM junctions j
LEFT JOIN (
    SELECT junction_id, count(*) AS total_devices, count(*) FILTER (WHERE status = 'online') AS online_devices
    FROM edge_devices WHERE revoked_at IS NULL GROUP BY junction_id
) d USING (junction_id)
LEFT JOIN (
    SELECT junction_id, count(*) AS active_lanes FROM lanes WHERE is_active GROUP BY junction_id
) l USING (junction_id);

-- Every junction that a user may see, and as what.
CREATE VIEW v_user_permissions AS
SELECT u.user_id, u.username, j.junction_id, j.junction_name, 'admin' AS role, NULL::timestamptz AS granted_at
FROM users u CROSS JOIN junctions j
WHERE u.is_admin AND u.is_active
UNION ALL
SELECT u.user_id, u.username, j.junction_id, j.junction_name, a.role, a.granted_at
FROM users u JOIN user_junction_access a USING (user_id) JOIN junctions j USING (junction_id)
WHERE NOT u.is_admin AND u.is_active;

-- Cycles of the last 24 hours with the vehicles of all lanes.
CREATE VIEW v_recent_cycles AS
SELECT c.cycle_id, c.junction_id, j.junction_name, c.cycle_start_time, c.cycle_end_time, c.total_cycle_time, c.cycle_mode,
       c.plan_id, coalesce(l.total_vehicles, 0) AS total_vehicles
FROM traffic_cycles c
JOIN junctions j USING (junction_id)
LEFT JOIN LATERAL (
    SELECT sum(vehicle_count) AS total_vehicles FROM lane_cycle_data d
    WHERE d.cycle_id = c.cycle_id AND d.cycle_start_time = c.cycle_start_time
) l ON true
WHERE c.cycle_start_time >= now() - interval '24 hours';
