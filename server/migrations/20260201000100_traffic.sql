-- What comes in from the road. Tables that grow are partitioned by time and have no foreign keys:
-- ingest checks ids in the transaction that stores the rows, and history outlives a lane that is taken out.

-- Which rows of which outbox are stored; updated in the transaction that stores them.
CREATE TABLE ingest_ledger (
    device_id uuid NOT NULL,
    outbox_id uuid NOT NULL,
    seqs      int8multirange NOT NULL DEFAULT '{}',
    PRIMARY KEY (device_id, outbox_id)
);

CREATE TABLE car_counts (
    junction_id    uuid NOT NULL,
    lane_id        uuid NOT NULL,
    -- End of the interval.
    ts             timestamptz NOT NULL,
    interval_start timestamptz,
    -- Seconds really watched; null: the sender does not say. What was not watched is unknown, not zero.
    observed_s     real CHECK (observed_s >= 0),
    vehicle_count  integer NOT NULL CHECK (vehicle_count >= 0),
    epc_ids        text[] NOT NULL DEFAULT '{}',
    departed       integer,
    present        integer,
    other_tags     integer,
    -- Details of each passage, aligned with epc_ids, and of the passages that closed.
    passages       jsonb,
    departures     jsonb,
    -- Row of the sender's outbox; null in messages of the published interface.
    device_id      uuid,
    outbox_id      uuid,
    seq            bigint,
    boot_id        uuid,
    mono_ms        bigint,
    clock          text CHECK (clock IN ('synced', 'unsynced', 'corrected')),
    -- Sent without a timestamp: ts is the time of receipt, to the microsecond and never the same twice.
    untimed        boolean NOT NULL DEFAULT false,
    -- Stored, but doubtful: codes, separated by commas.
    flagged        text,
    received_at    timestamptz NOT NULL DEFAULT now(),
    CHECK (num_nulls(device_id, outbox_id, seq, boot_id, mono_ms, clock) IN (0, 6))
) PARTITION BY RANGE (ts);
CREATE TABLE car_counts_default PARTITION OF car_counts DEFAULT;
CREATE INDEX car_counts_lane ON car_counts (lane_id, ts);
CREATE INDEX car_counts_junction ON car_counts (junction_id, ts);
CREATE UNIQUE INDEX car_counts_published ON car_counts (lane_id, ts) WHERE device_id IS NULL;
CREATE INDEX car_counts_unsynced ON car_counts (device_id, boot_id) WHERE clock = 'unsynced';

CREATE TABLE traffic_cycles (
    cycle_id            uuid NOT NULL DEFAULT gen_random_uuid(),
    junction_id         uuid NOT NULL,
    cycle_start_time    timestamptz NOT NULL,
    cycle_end_time      timestamptz,
    -- Seconds.
    total_cycle_time    real CHECK (total_cycle_time >= 0),
    cycle_mode          text NOT NULL DEFAULT 'automatic' CHECK (cycle_mode IN ('automatic', 'manual_override', 'emergency')),
    override_by_user_id uuid,
    device_id           uuid,
    -- The plan that it ran; null: the agent's fallback.
    plan_id             text,
    -- Its stages as served: [{stage, green_s, amber_s, all_red_s, end}].
    stages              jsonb NOT NULL DEFAULT '[]',
    boot_id             uuid,
    mono_ms             bigint,
    clock               text CHECK (clock IN ('synced', 'unsynced', 'corrected')),
    received_at         timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (cycle_id, cycle_start_time)
) PARTITION BY RANGE (cycle_start_time);
CREATE TABLE traffic_cycles_default PARTITION OF traffic_cycles DEFAULT;
CREATE INDEX traffic_cycles_junction ON traffic_cycles (junction_id, cycle_start_time);
CREATE INDEX traffic_cycles_unsynced ON traffic_cycles (device_id, boot_id) WHERE clock = 'unsynced';

CREATE TABLE lane_cycle_data (
    record_id          uuid NOT NULL DEFAULT gen_random_uuid(),
    cycle_id           uuid NOT NULL,
    junction_id        uuid NOT NULL,
    lane_id            uuid NOT NULL,
    -- Start of the cycle, as in traffic_cycles.
    cycle_start_time   timestamptz NOT NULL,
    vehicle_count      integer NOT NULL CHECK (vehicle_count >= 0),
    -- Of the passages whose first stop-line read lies within the cycle.
    epc_ids            text[] NOT NULL DEFAULT '{}',
    green_time_seconds real CHECK (green_time_seconds >= 0),
    green_time_start   timestamptz,
    green_time_end     timestamptz,
    -- Tagged vehicles waiting at the start and at the end of green; null: not known.
    queue_start        real,
    queue_end          real,
    was_congested      boolean,
    -- Share of the queue at the start of green that was still there at its end, 0 to 1; null: not known.
    congestion_level   real CHECK (congestion_level BETWEEN 0 AND 1),
    PRIMARY KEY (record_id, cycle_start_time)
) PARTITION BY RANGE (cycle_start_time);
CREATE TABLE lane_cycle_data_default PARTITION OF lane_cycle_data DEFAULT;
CREATE INDEX lane_cycle_data_cycle ON lane_cycle_data (cycle_id);
CREATE INDEX lane_cycle_data_lane ON lane_cycle_data (lane_id, cycle_start_time);

CREATE TABLE signal_events (
    junction_id uuid NOT NULL,
    device_id   uuid NOT NULL,
    ts          timestamptz NOT NULL,
    code        integer NOT NULL,
    parameter   bigint NOT NULL,
    boot_id     uuid NOT NULL,
    mono_ms     bigint NOT NULL,
    clock       text NOT NULL CHECK (clock IN ('synced', 'unsynced', 'corrected'))
) PARTITION BY RANGE (ts);
CREATE TABLE signal_events_default PARTITION OF signal_events DEFAULT;
CREATE INDEX signal_events_junction ON signal_events (junction_id, ts);
CREATE INDEX signal_events_unsynced ON signal_events (device_id, boot_id) WHERE clock = 'unsynced';

-- Unix time minus monotonic time of an uptime that began unsynchronised.
CREATE TABLE clock_fixes (
    device_id   uuid NOT NULL,
    boot_id     uuid NOT NULL,
    offset_ms   bigint NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (device_id, boot_id)
);

-- What a limit or a set-aside outbox lost.
CREATE TABLE count_gaps (
    device_id   uuid NOT NULL,
    outbox_id   uuid NOT NULL,
    seq         bigint NOT NULL,
    junction_id uuid NOT NULL,
    gap_from    timestamptz,
    gap_to      timestamptz,
    -- Empty: all lanes.
    lane_ids    uuid[] NOT NULL DEFAULT '{}',
    rows_lost   bigint,
    reason      text NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (device_id, outbox_id, seq)
);
CREATE INDEX count_gaps_junction ON count_gaps (junction_id, gap_to);

-- The last signal message of each junction.
CREATE TABLE junction_signal (
    junction_id uuid PRIMARY KEY REFERENCES junctions ON DELETE CASCADE,
    payload     jsonb NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now()
);

-- Messages that cannot be used, with the reason.
CREATE TABLE dead_letters (
    dead_letter_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    topic          text NOT NULL CHECK (length(topic) <= 1000),
    payload        bytea NOT NULL CHECK (octet_length(payload) <= 262144),
    -- Size as received; the payload is cut to 256 KiB.
    payload_bytes  integer NOT NULL,
    reason         text NOT NULL CHECK (reason IN
        ('unknown_junction', 'unknown_lane', 'unknown_device', 'ids_disagree', 'malformed', 'version', 'other')),
    detail         text NOT NULL CHECK (length(detail) <= 2000),
    junction_id    uuid,
    device_id      uuid,
    outbox_id      uuid,
    seq            bigint,
    received_at    timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX dead_letters_received ON dead_letters (received_at);
CREATE INDEX dead_letters_junction ON dead_letters (junction_id, received_at);
-- A row that is sent again because its answer was lost stays one dead letter.
CREATE UNIQUE INDEX dead_letters_row ON dead_letters (device_id, outbox_id, seq) WHERE outbox_id IS NOT NULL;

-- Makes a partition [from_ts, to_ts) of `parent` unless it exists, and moves into it what the default partition holds of that range.
CREATE FUNCTION ensure_partition(parent text, key text, suffix text, from_ts timestamptz, to_ts timestamptz)
RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    partition text := parent || '_' || suffix;
BEGIN
    IF to_regclass(partition) IS NOT NULL THEN
        RETURN false;
    END IF;
    EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING ALL)', partition, parent);
    EXECUTE format('WITH moved AS (DELETE FROM %I WHERE %I >= %L AND %I < %L RETURNING *) INSERT INTO %I SELECT * FROM moved',
        parent || '_default', key, from_ts, key, to_ts, partition);
    EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', parent, partition, from_ts, to_ts);
    RETURN true;
END;
$$;

-- Makes the partitions of every partitioned table from two days before to `days_ahead` days after `today`; returns how many were missing.
-- Counts and events have one a day, cycles one a month; borders are UTC midnights.
CREATE FUNCTION ensure_partitions(today date, days_ahead integer) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    made integer := 0;
    day date;
    month date;
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
        made := made
            + ensure_partition('traffic_cycles', 'cycle_start_time', to_char(month, 'YYYYMM'),
                month::timestamp AT TIME ZONE 'UTC', (month + interval '1 month')::timestamp AT TIME ZONE 'UTC')::integer
            + ensure_partition('lane_cycle_data', 'cycle_start_time', to_char(month, 'YYYYMM'),
                month::timestamp AT TIME ZONE 'UTC', (month + interval '1 month')::timestamp AT TIME ZONE 'UTC')::integer;
    END LOOP;
    RETURN made;
END;
$$;
