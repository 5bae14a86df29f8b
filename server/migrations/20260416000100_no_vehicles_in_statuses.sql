-- A device's alarms name the vehicle that they are about. Nobody is shown it, and it would stay for as long as the device says nothing else.
UPDATE edge_devices
SET last_status = jsonb_set(last_status, '{alarms}',
    (SELECT coalesce(jsonb_agg(alarm - 'epc' ORDER BY number), '[]')
     FROM jsonb_array_elements(last_status->'alarms') WITH ORDINALITY AS a(alarm, number)))
WHERE jsonb_typeof(last_status->'alarms') = 'array';
