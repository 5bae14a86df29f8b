-- Plans, overrides, alarms and records of what people and programs did.

-- Plans that were sent, and what the road made of them.
CREATE TABLE green_times (
    plan_id      text NOT NULL CHECK (length(plan_id) BETWEEN 1 AND 64),
    junction_id  uuid NOT NULL REFERENCES junctions ON DELETE CASCADE,
    mode         text NOT NULL CHECK (mode IN ('automatic', 'manual_override', 'emergency')),
    -- The green-time message.
    message      jsonb NOT NULL,
    -- Why it is what it is; null: a person decided.
    explanation  jsonb,
    sent_at      timestamptz NOT NULL,
    valid_until  timestamptz NOT NULL,
    state        text NOT NULL DEFAULT 'sent' CHECK (state IN ('sent', 'pending', 'running', 'refused', 'expired')),
    reasons      text[] NOT NULL DEFAULT '{}',
    confirmed_at timestamptz,
    PRIMARY KEY (junction_id, plan_id)
);
CREATE INDEX green_times_sent ON green_times (junction_id, sent_at DESC);

CREATE TABLE manual_override_history (
    override_id      uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    junction_id      uuid NOT NULL REFERENCES junctions ON DELETE CASCADE,
    user_id          uuid REFERENCES users ON DELETE SET NULL,
    mode             text NOT NULL DEFAULT 'manual_override' CHECK (mode IN ('manual_override', 'emergency')),
    total_cycle_time integer CHECK (total_cycle_time BETWEEN 1 AND 3600),
    north_lane_time  integer CHECK (north_lane_time BETWEEN 0 AND 3600),
    south_lane_time  integer CHECK (south_lane_time BETWEEN 0 AND 3600),
    east_lane_time   integer CHECK (east_lane_time BETWEEN 0 AND 3600),
    west_lane_time   integer CHECK (west_lane_time BETWEEN 0 AND 3600),
    -- Junctions of another shape: [{stage, green_s}].
    stages           jsonb,
    -- The lane that an emergency is for.
    lane_id          uuid,
    plan_id          text,
    override_start   timestamptz NOT NULL DEFAULT now(),
    -- When it ends by itself.
    expires_at       timestamptz,
    -- When it ended.
    override_end     timestamptz,
    duration_minutes integer GENERATED ALWAYS AS ((EXTRACT(EPOCH FROM (override_end - override_start)) / 60)::integer) STORED,
    reason           text CHECK (length(reason) <= 1000)
);
CREATE INDEX manual_override_history_junction ON manual_override_history (junction_id, override_start DESC);
-- One override at a time.
CREATE UNIQUE INDEX manual_override_history_open ON manual_override_history (junction_id) WHERE override_end IS NULL;

-- Plans by day and hour, in the junction's time zone. Ends before it starts: crosses midnight.
CREATE TABLE schedules (
    schedule_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    junction_id uuid NOT NULL REFERENCES junctions ON DELETE CASCADE,
    days        text[] NOT NULL CHECK (cardinality(days) >= 1 AND days <@ '{mon,tue,wed,thu,fri,sat,sun}'::text[]),
    starts_at   time NOT NULL,
    ends_at     time NOT NULL,
    -- [{stage, green_s}].
    stages      jsonb NOT NULL CHECK (jsonb_typeof(stages) = 'array'),
    is_active   boolean NOT NULL DEFAULT true,
    created_at  timestamptz NOT NULL DEFAULT now(),
    created_by  uuid REFERENCES users ON DELETE SET NULL
);
CREATE INDEX schedules_junction ON schedules (junction_id);

CREATE TABLE junction_daily_stats (
    stat_id                uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    junction_id            uuid NOT NULL REFERENCES junctions ON DELETE CASCADE,
    -- Day in the junction's time zone.
    stat_date              date NOT NULL,
    total_cycles           integer NOT NULL DEFAULT 0,
    total_vehicles         integer NOT NULL DEFAULT 0,
    avg_cycle_time         real,
    -- Most vehicles of one hour.
    max_vehicle_count      integer NOT NULL DEFAULT 0,
    -- The hour of the day, 0 to 23, that had them.
    peak_hour              integer CHECK (peak_hour BETWEEN 0 AND 23),
    automatic_cycles       integer NOT NULL DEFAULT 0,
    manual_override_cycles integer NOT NULL DEFAULT 0,
    computed_at            timestamptz NOT NULL DEFAULT now(),
    UNIQUE (junction_id, stat_date)
);

CREATE TABLE system_logs (
    log_id      uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    junction_id uuid,
    device_id   uuid,
    user_id     uuid,
    log_level   text NOT NULL CHECK (log_level IN ('debug', 'info', 'warning', 'error', 'critical')),
    log_type    text NOT NULL CHECK (length(log_type) BETWEEN 1 AND 100),
    message     text NOT NULL CHECK (length(message) <= 4000),
    metadata    jsonb NOT NULL DEFAULT '{}',
    logged_at   timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX system_logs_time ON system_logs (logged_at);
CREATE INDEX system_logs_junction ON system_logs (junction_id, logged_at);

CREATE TABLE alarms (
    alarm_id        uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    junction_id     uuid REFERENCES junctions ON DELETE CASCADE,
    device_id       uuid,
    kind            text NOT NULL CHECK (length(kind) BETWEEN 1 AND 100),
    severity        text NOT NULL CHECK (severity IN ('info', 'warning', 'error', 'critical')),
    message         text NOT NULL CHECK (length(message) <= 2000),
    detail          jsonb NOT NULL DEFAULT '{}',
    opened_at       timestamptz NOT NULL DEFAULT now(),
    acknowledged_at timestamptz,
    acknowledged_by uuid REFERENCES users ON DELETE SET NULL,
    closed_at       timestamptz
);
CREATE INDEX alarms_opened ON alarms (opened_at);
-- An alarm is open once; it is told when it opens and when it closes.
CREATE UNIQUE INDEX alarms_open ON alarms
    (coalesce(junction_id, '00000000-0000-0000-0000-000000000000'), coalesce(device_id, '00000000-0000-0000-0000-000000000000'), kind)
    WHERE closed_at IS NULL;

-- Who did what. The name stays when the account goes.
CREATE TABLE audit_log (
    audit_id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at          timestamptz NOT NULL DEFAULT now(),
    user_id     uuid,
    username    text,
    ip_address  text CHECK (length(ip_address) <= 64),
    action      text NOT NULL CHECK (length(action) BETWEEN 1 AND 100),
    junction_id uuid,
    -- What it was done to, such as a user or device id.
    target      text CHECK (length(target) <= 200),
    detail      jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX audit_log_time ON audit_log (at);
CREATE INDEX audit_log_junction ON audit_log (junction_id, at);
