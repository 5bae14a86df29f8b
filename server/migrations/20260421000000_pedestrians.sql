-- What crossings need: without it a plan leaves those who walk less time than the road insists on.
ALTER TABLE signal_groups
    -- Shortest green of a pedestrian head, seconds; null: 7.
    ADD COLUMN walk_s double precision CHECK (walk_s BETWEEN 4 AND 60),
    -- How long those need to cross who stepped off with its last green, seconds; null: what the intergreens say.
    ADD COLUMN clearance_s double precision CHECK (clearance_s BETWEEN 1 AND 60),
    -- Whether it has a push button.
    ADD COLUMN button boolean NOT NULL DEFAULT false,
    ADD CHECK (kind = 'pedestrian' OR (walk_s IS NULL AND clearance_s IS NULL AND NOT button));
