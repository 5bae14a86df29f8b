-- A day of counts, each as large as ingest takes it, has more vehicles than an integer holds.

ALTER TABLE junction_daily_stats
    ALTER COLUMN total_vehicles TYPE bigint,
    ALTER COLUMN max_vehicle_count TYPE bigint;
