import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Runs SQL on the database of the server under test. */
export async function sql(text: string): Promise<void> {
  const url = process.env.FLEXTRAFF_TEST_DATABASE;
  if (!url) throw new Error('the server is not started');
  const { username, password, hostname, port, pathname } = new URL(url);
  const account = ['-h', hostname, '-p', port, '-U', decodeURIComponent(username), '-qX', '-v', 'ON_ERROR_STOP=1'];
  await run('psql', [...account, '-d', pathname.slice(1), '-c', text], {
    env: { ...process.env, PGPASSWORD: decodeURIComponent(password) },
  });
}

/**
 * Weeks of counts and cycles of a junction up to now: two peaks a day, quieter Sundays. Of a lane E nobody watched from 03:00 to 06:00, and of
 * no lane from 01:00 to 02:00 (local time).
 */
export async function history(junction: string, days: number): Promise<void> {
  await sql(`
    WITH at AS (
      SELECT at, at AT TIME ZONE 'Asia/Kolkata' AS local
      FROM generate_series(date_bin('5 minutes', now(), '2000-01-01') - interval '${days} days',
        date_bin('5 minutes', now(), '2000-01-01'), interval '5 minutes') at
    )
    INSERT INTO car_counts (junction_id, lane_id, ts, vehicle_count, observed_s)
    SELECT '${junction}', l.lane_id, at.at,
      round((2 + l.lane_index * 0.5)
        * (0.3 + 3 * exp(0 - (extract(hour FROM local) + extract(minute FROM local) / 60 - 9.5) ^ 2 / 3)
               + 2.4 * exp(0 - (extract(hour FROM local) + extract(minute FROM local) / 60 - 18.5) ^ 2 / 4))
        * CASE WHEN extract(isodow FROM local) = 7 THEN 0.4 ELSE 1 END
        * (0.85 + 0.3 * (hashtext(at.at::text || l.lane_name) & 255) / 255)), 300
    FROM at, lanes l WHERE l.junction_id = '${junction}'
      AND extract(hour FROM local - interval '1 second') <> 1
      AND NOT (l.lane_name = 'E' AND extract(hour FROM local - interval '1 second') BETWEEN 3 AND 5)`);
  await sql("SELECT recount_volumes('-infinity', 'infinity')");
  await sql(`
    WITH c AS (
      INSERT INTO traffic_cycles (junction_id, cycle_start_time, cycle_end_time, total_cycle_time, cycle_mode, stages)
      SELECT '${junction}', at, at + interval '90 seconds', 90, CASE WHEN n % 40 = 0 THEN 'manual_override' ELSE 'automatic' END::text,
        (SELECT jsonb_agg(jsonb_build_object('stage', stage_name, 'green_s', 14 + (stage_index * 5 + n) % 9, 'amber_s', 3, 'all_red_s', 2,
            'end', CASE
              WHEN n % 11 = stage_index THEN 'priority' WHEN n % 5 = stage_index THEN 'force_off' WHEN (n + stage_index) % 3 = 0 THEN 'max_out'
              WHEN (n + stage_index) % 3 = 1 THEN 'gap_out' ELSE 'plan' END) ORDER BY stage_index)
         FROM stages WHERE junction_id = '${junction}')
      FROM generate_series(now() - interval '${Math.min(days, 3)} days', now() - interval '90 seconds', interval '90 seconds')
        WITH ORDINALITY AS g (at, n)
      RETURNING cycle_id, cycle_start_time)
    INSERT INTO lane_cycle_data (cycle_id, junction_id, lane_id, cycle_start_time, vehicle_count, queue_start, queue_end, was_congested,
      congestion_level)
    SELECT cycle_id, '${junction}', l.lane_id, cycle_start_time, 0, 4 + hour / 4 + l.lane_index, hour / 8, false, hour / 60.0
    FROM c, lanes l, LATERAL (SELECT extract(hour FROM cycle_start_time AT TIME ZONE 'Asia/Kolkata')::int AS hour) h
    WHERE l.junction_id = '${junction}'`);
}
