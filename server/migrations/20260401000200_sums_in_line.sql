-- Sums of counts take less time while counts are stored, and cycles get the EPCs of late counts apart from them.

-- Stable, as is what it is made of: only so it becomes a part of the statement that calls it.
CREATE OR REPLACE FUNCTION five_minutes_of(ts timestamptz) RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT date_bin('5 minutes', ts - interval '1 microsecond', '0001-01-01T00:00:00Z')
$$;

-- Hours whose cycles may lack EPCs of passages that began in them.
CREATE TABLE cycle_epcs_due (
    junction_id uuid NOT NULL,
    hour_start  timestamptz NOT NULL,
    PRIMARY KEY (junction_id, hour_start)
);
