-- Lanes that a junction has no more. What an outbox still holds of the time before is counted for them.
CREATE TABLE removed_lanes (
    junction_id uuid NOT NULL REFERENCES junctions ON DELETE CASCADE,
    lane_id     uuid NOT NULL,
    removed_at  timestamptz NOT NULL,
    -- The devices that served it by name; those that serve all lanes of the junction served it, too.
    served_by   uuid[] NOT NULL DEFAULT '{}',
    PRIMARY KEY (junction_id, lane_id)
);
