-- The refresh token that took the place of a spent one: an answer that was lost on its way is asked for again.
ALTER TABLE refresh_tokens ADD COLUMN successor bytea;

-- By which time old data were taken out last: a clock that is far ahead of it is not believed at once.
CREATE TABLE retention_runs (
    single boolean PRIMARY KEY DEFAULT true CHECK (single),
    applied_at timestamptz NOT NULL
);
