-- Who signs in, and the junctions with their lanes, signal groups, stages and devices.
-- Rows that break a rule are refused here even when a program forgets to check.

CREATE TABLE users (
    user_id       uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    username      text NOT NULL CHECK (length(username) BETWEEN 1 AND 200),
    email         text NOT NULL CHECK (length(email) BETWEEN 3 AND 254),
    password_hash text NOT NULL,
    full_name     text CHECK (length(full_name) <= 200),
    is_admin      boolean NOT NULL DEFAULT false,
    is_active     boolean NOT NULL DEFAULT true,
    -- A confirmed secret switches the second factor on; the last step used stops a code from working twice.
    totp_secret    bytea,
    totp_confirmed boolean NOT NULL DEFAULT false,
    totp_last_step bigint,
    created_at    timestamptz NOT NULL DEFAULT now(),
    updated_at    timestamptz NOT NULL DEFAULT now(),
    last_login    timestamptz
);
CREATE UNIQUE INDEX users_username ON users (lower(username));
CREATE UNIQUE INDEX users_email ON users (lower(email));

CREATE TABLE junctions (
    junction_id     uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    junction_name   text NOT NULL CHECK (length(junction_name) BETWEEN 1 AND 200),
    city            text NOT NULL CHECK (length(city) BETWEEN 1 AND 200),
    latitude        double precision NOT NULL CHECK (latitude BETWEEN -90 AND 90),
    longitude       double precision NOT NULL CHECK (longitude BETWEEN -180 AND 180),
    status          text NOT NULL DEFAULT 'offline' CHECK (status IN ('online', 'offline', 'maintenance', 'error')),
    current_mode    text NOT NULL DEFAULT 'automatic' CHECK (current_mode IN ('automatic', 'manual_override', 'emergency')),
    min_cycle_time  integer NOT NULL DEFAULT 30,
    max_cycle_time  integer NOT NULL DEFAULT 120,
    base_cycle_time integer NOT NULL DEFAULT 60,
    time_zone       text NOT NULL DEFAULT 'Asia/Kolkata' CHECK (length(time_zone) BETWEEN 1 AND 64),
    -- What the server plans with, as in the junction file: times, compatible pairs, intergreens.
    signal          jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(signal) = 'object'),
    compatible      jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(compatible) = 'array'),
    intergreens     jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(intergreens) = 'array'),
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now(),
    last_heartbeat  timestamptz,
    CONSTRAINT junctions_cycle_times CHECK (
        min_cycle_time >= 1 AND min_cycle_time <= base_cycle_time
        AND base_cycle_time <= max_cycle_time AND max_cycle_time <= 3600
    )
);
CREATE INDEX junctions_name ON junctions (junction_name, junction_id);

CREATE TABLE user_junction_access (
    access_id   uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id     uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    junction_id uuid NOT NULL REFERENCES junctions ON DELETE CASCADE,
    role        text NOT NULL DEFAULT 'observer' CHECK (role IN ('observer', 'operator')),
    granted_at  timestamptz NOT NULL DEFAULT now(),
    granted_by  uuid REFERENCES users ON DELETE SET NULL,
    UNIQUE (user_id, junction_id)
);
CREATE INDEX user_junction_access_junction ON user_junction_access (junction_id);

CREATE TABLE lanes (
    lane_id        uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    junction_id    uuid NOT NULL REFERENCES junctions ON DELETE CASCADE,
    lane_index     integer NOT NULL CHECK (lane_index BETWEEN 0 AND 1000),
    lane_name      text NOT NULL CHECK (length(lane_name) BETWEEN 1 AND 200),
    direction_enum text CHECK (direction_enum IN ('N', 'NE', 'E', 'SE', 'S', 'SW', 'W', 'NW')),
    is_active      boolean NOT NULL DEFAULT true,
    created_at     timestamptz NOT NULL DEFAULT now(),
    -- Deferred, so that one statement may exchange two lanes.
    CONSTRAINT lanes_index UNIQUE (junction_id, lane_index) DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT lanes_name UNIQUE (junction_id, lane_name) DEFERRABLE INITIALLY DEFERRED
);

CREATE TABLE signal_groups (
    junction_id uuid NOT NULL REFERENCES junctions ON DELETE CASCADE,
    group_name  text NOT NULL CHECK (length(group_name) BETWEEN 1 AND 64),
    group_index integer NOT NULL CHECK (group_index BETWEEN 0 AND 1000),
    kind        text NOT NULL DEFAULT 'vehicle' CHECK (kind IN ('vehicle', 'arrow', 'pedestrian')),
    lane_ids    uuid[] NOT NULL DEFAULT '{}',
    exits       text[] NOT NULL DEFAULT '{}',
    PRIMARY KEY (junction_id, group_name)
);

CREATE TABLE stages (
    junction_id uuid NOT NULL REFERENCES junctions ON DELETE CASCADE,
    stage_name  text NOT NULL CHECK (length(stage_name) BETWEEN 1 AND 64),
    stage_index integer NOT NULL CHECK (stage_index BETWEEN 0 AND 1000),
    groups      text[] NOT NULL CHECK (cardinality(groups) >= 1),
    min_green_s double precision NOT NULL CHECK (min_green_s > 0),
    max_green_s double precision NOT NULL CHECK (max_green_s <= 3600),
    skip        boolean NOT NULL DEFAULT false,
    PRIMARY KEY (junction_id, stage_name),
    CHECK (min_green_s <= max_green_s)
);

CREATE TABLE links (
    from_junction uuid NOT NULL REFERENCES junctions ON DELETE CASCADE,
    to_junction   uuid NOT NULL REFERENCES junctions ON DELETE CASCADE,
    from_lanes    uuid[] NOT NULL DEFAULT '{}',
    to_lanes      uuid[] NOT NULL DEFAULT '{}',
    distance_m    double precision NOT NULL CHECK (distance_m > 0 AND distance_m <= 100000),
    free_flow_s   double precision NOT NULL CHECK (free_flow_s > 0 AND free_flow_s <= 7200),
    PRIMARY KEY (from_junction, to_junction),
    CHECK (from_junction <> to_junction)
);
CREATE INDEX links_to ON links (to_junction);

CREATE TABLE edge_devices (
    device_id        uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    junction_id      uuid NOT NULL REFERENCES junctions ON DELETE CASCADE,
    -- The only lane that a counter of one lane serves; counters of several lanes have rows in edge_device_lanes.
    lane_id          uuid REFERENCES lanes ON DELETE SET NULL,
    device_type      text NOT NULL DEFAULT 'junction' CHECK (device_type IN ('rfid_counter', 'light_controller', 'junction')),
    mac_address      text CHECK (length(mac_address) <= 64),
    ip_address       text CHECK (length(ip_address) <= 64),
    device_name      text CHECK (length(device_name) BETWEEN 1 AND 200),
    software_version text CHECK (length(software_version) <= 200),
    firmware_version text CHECK (length(firmware_version) <= 200),
    status           text NOT NULL DEFAULT 'offline' CHECK (status IN ('online', 'offline', 'maintenance', 'error')),
    last_heartbeat   timestamptz,
    -- The last status message of the device.
    last_status      jsonb,
    created_at       timestamptz NOT NULL DEFAULT now(),
    -- A revoked device keeps its history and is no longer listened to.
    revoked_at       timestamptz
);
CREATE INDEX edge_devices_junction ON edge_devices (junction_id);

-- Lanes that a counter serves; a device without any serves all lanes of its junction.
CREATE TABLE edge_device_lanes (
    device_id uuid NOT NULL REFERENCES edge_devices ON DELETE CASCADE,
    lane_id   uuid NOT NULL REFERENCES lanes ON DELETE CASCADE,
    PRIMARY KEY (device_id, lane_id)
);

-- A refresh token is spent at its first use; the second use of one revokes its whole family.
CREATE TABLE refresh_tokens (
    token_hash  bytea PRIMARY KEY CHECK (octet_length(token_hash) = 32),
    family_id   uuid NOT NULL,
    user_id     uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    issued_at   timestamptz NOT NULL DEFAULT now(),
    expires_at  timestamptz NOT NULL,
    used_at     timestamptz,
    revoked_at  timestamptz
);
CREATE INDEX refresh_tokens_family ON refresh_tokens (family_id);
CREATE INDEX refresh_tokens_user ON refresh_tokens (user_id);
CREATE INDEX refresh_tokens_expiry ON refresh_tokens (expires_at);

-- Keys of pseudonyms (one per city and period) and of watch lists (one per junction).
CREATE TABLE privacy_keys (
    key_id      text PRIMARY KEY CHECK (length(key_id) BETWEEN 1 AND 64),
    kind        text NOT NULL CHECK (kind IN ('pseudonym', 'watchlist')),
    city        text,
    junction_id uuid REFERENCES junctions ON DELETE CASCADE,
    secret      bytea NOT NULL CHECK (octet_length(secret) = 32),
    valid_from  timestamptz NOT NULL,
    valid_until timestamptz,
    CHECK ((kind = 'pseudonym') = (city IS NOT NULL) AND (kind = 'watchlist') = (junction_id IS NOT NULL))
);
CREATE UNIQUE INDEX privacy_keys_junction ON privacy_keys (junction_id) WHERE kind = 'watchlist';

CREATE TABLE watchlist (
    entry_id    uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    junction_id uuid NOT NULL REFERENCES junctions ON DELETE CASCADE,
    tag_hmac    text NOT NULL CHECK (length(tag_hmac) BETWEEN 1 AND 128),
    class       text NOT NULL CHECK (class IN ('emergency', 'transit')),
    label       text CHECK (length(label) <= 200),
    valid_until timestamptz,
    created_at  timestamptz NOT NULL DEFAULT now(),
    created_by  uuid REFERENCES users ON DELETE SET NULL,
    UNIQUE (junction_id, tag_hmac)
);
