-- Sums of counts, so that nobody has to read months of intervals: by five minutes, hour and day of the junction's local time.

-- Kept by triggers in the transaction that stores or corrects counts, so always exact. An interval belongs to the five minutes in which it
-- ends, their end included. Local quarters, hours and days are whole five minutes in every time zone in use.
CREATE TABLE lane_volumes_5m (
    junction_id   uuid NOT NULL,
    bucket_start  timestamptz NOT NULL,
    lane_id       uuid NOT NULL,
    vehicle_count bigint NOT NULL,
    -- Milliseconds really watched, as far as senders say.
    observed_ms   bigint NOT NULL,
    -- Intervals whose senders do not say how long they watched.
    unsaid        bigint NOT NULL,
    intervals     bigint NOT NULL,
    PRIMARY KEY (junction_id, bucket_start, lane_id)
) PARTITION BY RANGE (bucket_start);
CREATE TABLE lane_volumes_5m_default PARTITION OF lane_volumes_5m DEFAULT;

-- Summed up from the five minutes when somebody asks for them or a minute has passed.
CREATE TABLE lane_volumes_hour (
    junction_id   uuid NOT NULL,
    hour_start    timestamptz NOT NULL,
    lane_id       uuid NOT NULL,
    -- Day and hour of the junction's local time.
    stat_date     date NOT NULL,
    hour          smallint NOT NULL CHECK (hour BETWEEN 0 AND 23),
    vehicle_count bigint NOT NULL,
    observed_ms   bigint NOT NULL,
    unsaid        bigint NOT NULL,
    PRIMARY KEY (junction_id, hour_start, lane_id)
);
CREATE INDEX lane_volumes_hour_time ON lane_volumes_hour (hour_start);

CREATE TABLE lane_volumes_day (
    junction_id   uuid NOT NULL,
    -- Day of the junction's local time.
    stat_date     date NOT NULL,
    lane_id       uuid NOT NULL,
    vehicle_count bigint NOT NULL,
    observed_ms   bigint NOT NULL,
    unsaid        bigint NOT NULL,
    PRIMARY KEY (junction_id, stat_date, lane_id)
);
CREATE INDEX lane_volumes_day_date ON lane_volumes_day (stat_date);

ALTER TABLE junction_daily_stats
    ADD COLUMN emergency_cycles integer NOT NULL DEFAULT 0;

-- Hours (of UTC) of which five minutes or cycles have changed since hours and days were last summed up.
CREATE TABLE roll_ups_due (
    junction_id uuid NOT NULL,
    hour_start  timestamptz NOT NULL,
    PRIMARY KEY (junction_id, hour_start)
);

-- Rows are locked even when they are there already: who sums up waits for this transaction, and then sees what it has stored.
CREATE FUNCTION roll_ups_are_due(junctions uuid[], times timestamptz[]) RETURNS void LANGUAGE sql AS $$
    INSERT INTO roll_ups_due (junction_id, hour_start)
    SELECT DISTINCT t.junction_id, date_trunc('hour', t.at, 'UTC') FROM unnest(junctions, times) AS t(junction_id, at)
    ORDER BY 1, 2
    ON CONFLICT (junction_id, hour_start) DO UPDATE SET hour_start = excluded.hour_start WHERE false
$$;

CREATE FUNCTION five_minutes_of(ts timestamptz) RETURNS timestamptz LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT date_bin('5 minutes', ts - interval '1 microsecond', '0001-01-01T00:00:00Z')
$$;

CREATE FUNCTION counts_inserted() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    junctions uuid[];
    times timestamptz[];
BEGIN
    WITH stored AS (
        INSERT INTO lane_volumes_5m AS v (junction_id, bucket_start, lane_id, vehicle_count, observed_ms, unsaid, intervals)
        SELECT junction_id, five_minutes_of(ts), lane_id, sum(vehicle_count), coalesce(sum(round(observed_s * 1000)::bigint), 0),
               count(*) FILTER (WHERE observed_s IS NULL), count(*)
        FROM new_rows GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
        ON CONFLICT (junction_id, bucket_start, lane_id) DO UPDATE
        SET vehicle_count = v.vehicle_count + excluded.vehicle_count, observed_ms = v.observed_ms + excluded.observed_ms,
            unsaid = v.unsaid + excluded.unsaid, intervals = v.intervals + excluded.intervals
        RETURNING v.junction_id, v.bucket_start)
    SELECT array_agg(junction_id), array_agg(bucket_start) INTO junctions, times FROM stored;
    PERFORM roll_ups_are_due(junctions, times);
    RETURN NULL;
END;
$$;
CREATE TRIGGER counts_inserted AFTER INSERT ON car_counts REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION counts_inserted();

-- A corrected row leaves its five minutes and enters others.
CREATE FUNCTION counts_updated() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    junctions uuid[];
    times timestamptz[];
BEGIN
    WITH signed AS (
        SELECT junction_id, ts, lane_id, vehicle_count, observed_s, 1 AS sign FROM new_rows
        UNION ALL
        SELECT junction_id, ts, lane_id, vehicle_count, observed_s, -1 FROM old_rows
    ), stored AS (
        INSERT INTO lane_volumes_5m AS v (junction_id, bucket_start, lane_id, vehicle_count, observed_ms, unsaid, intervals)
        SELECT junction_id, five_minutes_of(ts), lane_id, sum(sign * vehicle_count),
               coalesce(sum(sign * round(observed_s * 1000)::bigint), 0),
               coalesce(sum(sign) FILTER (WHERE observed_s IS NULL), 0), sum(sign)
        FROM signed GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
        ON CONFLICT (junction_id, bucket_start, lane_id) DO UPDATE
        SET vehicle_count = v.vehicle_count + excluded.vehicle_count, observed_ms = v.observed_ms + excluded.observed_ms,
            unsaid = v.unsaid + excluded.unsaid, intervals = v.intervals + excluded.intervals
        RETURNING v.junction_id, v.bucket_start)
    SELECT array_agg(junction_id), array_agg(bucket_start) INTO junctions, times FROM stored;
    DELETE FROM lane_volumes_5m v USING unnest(junctions, times) AS t(junction_id, bucket_start)
    WHERE v.junction_id = t.junction_id AND v.bucket_start = t.bucket_start AND v.intervals <= 0;
    PERFORM roll_ups_are_due(junctions, times);
    RETURN NULL;
END;
$$;
CREATE TRIGGER counts_updated AFTER UPDATE ON car_counts REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION counts_updated();

CREATE FUNCTION cycles_inserted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM roll_ups_are_due(array_agg(junction_id), array_agg(cycle_start_time)) FROM new_rows;
    RETURN NULL;
END;
$$;
CREATE TRIGGER cycles_inserted AFTER INSERT ON traffic_cycles REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION cycles_inserted();

CREATE FUNCTION cycles_updated() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM roll_ups_are_due(array_agg(junction_id), array_agg(cycle_start_time))
    FROM (SELECT junction_id, cycle_start_time FROM old_rows UNION SELECT junction_id, cycle_start_time FROM new_rows) moved;
    RETURN NULL;
END;
$$;
CREATE TRIGGER cycles_updated AFTER UPDATE ON traffic_cycles REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION cycles_updated();

-- In another time zone all hours and days are others.
CREATE FUNCTION time_zone_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM lane_volumes_hour WHERE junction_id = NEW.junction_id;
    DELETE FROM lane_volumes_day WHERE junction_id = NEW.junction_id;
    DELETE FROM junction_daily_stats WHERE junction_id = NEW.junction_id;
    PERFORM roll_ups_are_due(array_agg(NEW.junction_id), array_agg(at)) FROM (
        SELECT bucket_start AS at FROM lane_volumes_5m WHERE junction_id = NEW.junction_id
        UNION SELECT cycle_start_time FROM traffic_cycles WHERE junction_id = NEW.junction_id) known;
    RETURN NULL;
END;
$$;
CREATE TRIGGER time_zone_changed AFTER UPDATE ON junctions FOR EACH ROW
    WHEN (OLD.time_zone IS DISTINCT FROM NEW.time_zone) EXECUTE FUNCTION time_zone_changed();

-- Five minutes have a partition a month, like cycles.
CREATE OR REPLACE FUNCTION ensure_partitions(today date, days_ahead integer) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    made integer := 0;
    day date;
    month date;
    growing text[];
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('flextraff.ensure_partitions'));
    FOR day IN SELECT generate_series(today - 2, today + days_ahead, interval '1 day')::date LOOP
        made := made
            + ensure_partition('car_counts', 'ts', to_char(day, 'YYYYMMDD'),
                day::timestamp AT TIME ZONE 'UTC', (day + 1)::timestamp AT TIME ZONE 'UTC')::integer
            + ensure_partition('signal_events', 'ts', to_char(day, 'YYYYMMDD'),
                day::timestamp AT TIME ZONE 'UTC', (day + 1)::timestamp AT TIME ZONE 'UTC')::integer;
    END LOOP;
    FOR month IN SELECT generate_series(date_trunc('month', (today - 2)::timestamp),
                                        date_trunc('month', (today + days_ahead)::timestamp), interval '1 month')::date LOOP
        FOREACH growing SLICE 1 IN ARRAY ARRAY[['traffic_cycles', 'cycle_start_time'], ['lane_cycle_data', 'cycle_start_time'],
                                               ['lane_volumes_5m', 'bucket_start']] LOOP
            made := made + ensure_partition(growing[1], growing[2], to_char(month, 'YYYYMM'),
                month::timestamp AT TIME ZONE 'UTC', (month + interval '1 month')::timestamp AT TIME ZONE 'UTC')::integer;
        END LOOP;
    END LOOP;
    RETURN made;
END;
$$;

-- What is there already.
INSERT INTO lane_volumes_5m (junction_id, bucket_start, lane_id, vehicle_count, observed_ms, unsaid, intervals)
SELECT junction_id, five_minutes_of(ts), lane_id, sum(vehicle_count), coalesce(sum(round(observed_s * 1000)::bigint), 0),
       count(*) FILTER (WHERE observed_s IS NULL), count(*)
FROM car_counts GROUP BY 1, 2, 3;
SELECT roll_ups_are_due(array_agg(junction_id), array_agg(at)) FROM (
    SELECT junction_id, bucket_start AS at FROM lane_volumes_5m
    UNION SELECT junction_id, cycle_start_time FROM traffic_cycles) known;
