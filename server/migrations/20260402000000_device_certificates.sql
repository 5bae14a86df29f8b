-- Certificates that devices have got. A row outlives its device and its login: the broker is told whom to keep out until the certificate expires.
CREATE TABLE device_certificates (
    serial text PRIMARY KEY CHECK (serial ~ '^[0-9a-f]{20}$'),
    device_id uuid NOT NULL,
    issued_at timestamptz NOT NULL,
    not_after timestamptz NOT NULL
);

-- The certificate that is the login; null: the password is.
ALTER TABLE device_credentials ADD COLUMN serial text UNIQUE REFERENCES device_certificates (serial);
