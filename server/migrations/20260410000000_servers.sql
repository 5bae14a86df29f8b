-- Servers on this database share the junctions evenly, so each must know how many there are.

CREATE TABLE servers (
    -- Its mqtt.client_id.
    name     text PRIMARY KEY CHECK (length(name) BETWEEN 1 AND 200),
    -- The process; another one under the same name means that two servers are configured alike.
    instance uuid NOT NULL,
    -- When it last hears the broker, by the database's clock.
    seen_at  timestamptz NOT NULL
);
