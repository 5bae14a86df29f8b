-- Devices: what they are configured with, how they enrol, their logins at the broker; and keys that are made ahead.

ALTER TABLE edge_devices
    -- When its last status came, be it one that the broker kept.
    ADD COLUMN status_at timestamptz,
    -- The configuration that it sent, secrets masked, and the hash by which its status names it.
    ADD COLUMN config_hash text CHECK (length(config_hash) <= 128),
    ADD COLUMN config_toml text CHECK (length(config_toml) <= 262144),
    ADD COLUMN config_at timestamptz,
    -- Who shows the token of this hash before that time becomes the device.
    ADD COLUMN token_hash bytea UNIQUE CHECK (octet_length(token_hash) = 32),
    ADD COLUMN token_until timestamptz;
CREATE INDEX edge_devices_created ON edge_devices (created_at DESC, device_id DESC);
CREATE INDEX dead_letters_unknown ON dead_letters (device_id, received_at) WHERE reason = 'unknown_device';

-- Logins of devices at the broker. A broker that has lost its own file takes passwords only in plain, so they are kept that way.
CREATE TABLE device_credentials (
    device_id     uuid PRIMARY KEY REFERENCES edge_devices ON DELETE CASCADE,
    -- Stands in the broker's file, too: another one there means an older password.
    credential_id uuid NOT NULL DEFAULT gen_random_uuid(),
    password      text NOT NULL CHECK (length(password) BETWEEN 32 AND 128),
    issued_at     timestamptz NOT NULL DEFAULT now()
);

-- A city has one key a period.
CREATE UNIQUE INDEX privacy_keys_period ON privacy_keys (city, valid_from) WHERE kind = 'pseudonym';
