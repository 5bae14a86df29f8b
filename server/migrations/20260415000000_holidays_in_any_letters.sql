-- A city is the same in whatever letters it is written, as it is for the names of its junctions.

DELETE FROM holidays h USING holidays other
WHERE lower(h.city) = lower(other.city) AND h.day = other.day AND h.city > other.city COLLATE "C";
DROP INDEX holidays_city;
CREATE UNIQUE INDEX holidays_city ON holidays (lower(city), day) WHERE city IS NOT NULL;
