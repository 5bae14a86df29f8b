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

/** How near to a peak a local time is, 0 to 1. */
const HOUR = '(extract(hour FROM local) + extract(minute FROM local) / 60)';
const PEAK = `(exp(0 - (${HOUR} - 9.5) ^ 2 / 3) + 0.8 * exp(0 - (${HOUR} - 18.5) ^ 2 / 4))`;

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
      round((2 + l.lane_index * 0.5) * (0.3 + 3 * ${PEAK})
        * CASE WHEN extract(isodow FROM local) = 7 THEN 0.4 ELSE 1 END
        * (0.85 + 0.3 * (hashtext(at.at::text || l.lane_name) & 255) / 255)), 300
    FROM at, lanes l WHERE l.junction_id = '${junction}'
      AND extract(hour FROM local - interval '1 second') <> 1
      AND NOT (l.lane_name = 'E' AND extract(hour FROM local - interval '1 second') BETWEEN 3 AND 5)`);
  await sql("SELECT recount_volumes('-infinity', 'infinity')");
  // Cycles are as long as the demand asks for: 60 s at night, 120 s in the peaks.
  await sql(`
    WITH at AS (
      SELECT at, n, ${PEAK} AS peak
      FROM generate_series(date_trunc('minute', now()) - interval '${Math.min(days, 3)} days', now() - interval '2 minutes', interval '60 seconds')
        WITH ORDINALITY AS g (at, n), LATERAL (SELECT at AT TIME ZONE 'Asia/Kolkata' AS local) l
    ), kept AS (
      SELECT at, n, peak, CASE WHEN peak > 0.35 THEN 120 ELSE 60 END AS cycle FROM at WHERE peak <= 0.35 OR n % 2 = 0
    ), c AS (
      INSERT INTO traffic_cycles (junction_id, cycle_start_time, cycle_end_time, total_cycle_time, cycle_mode, stages)
      SELECT '${junction}', at, at + make_interval(secs => cycle), cycle, CASE WHEN n % 80 = 0 THEN 'manual_override' ELSE 'automatic' END,
        (SELECT jsonb_agg(jsonb_build_object('stage', stage_name, 'amber_s', 3, 'all_red_s', 2, 'green_s', round(
            (cycle - 5.0 * count) * (1.0 / count + 0.12 * peak * CASE WHEN place = 1 THEN 1 ELSE -1.0 / (count - 1) END)
              + ((n + place * 3) % 5 - 2) * CASE WHEN place % 2 = 0 THEN 1 ELSE -1 END)::int,
            'end', CASE
              WHEN n % 37 = place THEN 'priority' WHEN n % 11 = place THEN 'force_off' WHEN (n * 7 + place * 3) % 10 < 8 * peak THEN 'max_out'
              WHEN n % 4 = place % 4 THEN 'plan' ELSE 'gap_out' END) ORDER BY place)
         FROM (SELECT stage_name, row_number() OVER (ORDER BY stage_index) AS place, greatest(2, count(*) OVER ()) AS count
               FROM stages WHERE junction_id = '${junction}') s)
      FROM kept
      RETURNING cycle_id, cycle_start_time, total_cycle_time)
    INSERT INTO lane_cycle_data (cycle_id, junction_id, lane_id, cycle_start_time, vehicle_count, green_time_seconds, queue_start,
      queue_end, was_congested, congestion_level)
    SELECT cycle_id, '${junction}', l.lane_id, cycle_start_time, 1 + queue::int, total_cycle_time / 2 - 5, queue, queue * rest, false, rest
    FROM c, lanes l, LATERAL (SELECT cycle_start_time AT TIME ZONE 'Asia/Kolkata' AS local) t,
      LATERAL (SELECT ${PEAK} AS peak, (hashtext(cycle_id::text || l.lane_name) & 255) / 255.0 AS chance) p,
      LATERAL (SELECT 0.5 + (5 + l.lane_index) * peak + 2 * chance AS queue, least(1, greatest(0, 0.5 * peak - 0.1 + 0.2 * chance)) AS rest) q
    WHERE l.junction_id = '${junction}'`);
}
