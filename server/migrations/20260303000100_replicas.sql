-- Several servers on one database: at a junction one of them plans and sends.

CREATE TABLE junction_leases (
    junction_id uuid PRIMARY KEY REFERENCES junctions ON DELETE CASCADE,
    -- The server: its mqtt.client_id.
    holder      text NOT NULL CHECK (length(holder) BETWEEN 1 AND 200),
    -- By the database's clock; renewed long before.
    expires_at  timestamptz NOT NULL
);
CREATE INDEX junction_leases_holder ON junction_leases (holder);
