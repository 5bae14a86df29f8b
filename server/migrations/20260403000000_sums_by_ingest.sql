-- A trigger that looks at all new rows costs more than the sums: who stores counts adds their sums as well.

DROP TRIGGER counts_inserted ON car_counts;
DROP FUNCTION counts_inserted();

-- What is read by lane is read of one junction or as sums.
DROP INDEX car_counts_lane;

-- Checked by ingest and read as a whole: taking them apart for storage costs more than it brings.
ALTER TABLE car_counts ALTER COLUMN passages TYPE json, ALTER COLUMN departures TYPE json;

-- Sums of counts up anew, of intervals that ended after `after` and not later than `until`, both whole five minutes: for who has changed
-- counts by hand.
CREATE FUNCTION recount_volumes(after timestamptz, until timestamptz) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    LOCK TABLE lane_volumes_5m IN SHARE ROW EXCLUSIVE MODE;
    DELETE FROM lane_volumes_5m WHERE bucket_start >= after AND bucket_start < until;
    INSERT INTO lane_volumes_5m (junction_id, bucket_start, lane_id, vehicle_count, observed_ms, unsaid, intervals)
    SELECT junction_id, five_minutes_of(ts), lane_id, sum(vehicle_count), coalesce(sum(round(observed_s * 1000)::bigint), 0),
           count(*) FILTER (WHERE observed_s IS NULL), count(*)
    FROM car_counts WHERE ts > after AND ts <= until GROUP BY 1, 2, 3;
    PERFORM roll_ups_are_due(array_agg(junction_id), array_agg(bucket_start))
    FROM (SELECT DISTINCT junction_id, bucket_start FROM lane_volumes_5m WHERE bucket_start >= after AND bucket_start < until) b;
END;
$$;
