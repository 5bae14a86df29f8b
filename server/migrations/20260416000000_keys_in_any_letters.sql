-- A city is the same in whatever letters it is written: its junctions have one key a period.

-- Devices that had the other one get this one with their next keys.
DELETE FROM privacy_keys k USING privacy_keys other
WHERE k.kind = 'pseudonym' AND other.kind = 'pseudonym' AND lower(k.city) = lower(other.city) AND k.valid_from = other.valid_from
  AND k.city > other.city COLLATE "C";
DROP INDEX privacy_keys_period;
CREATE UNIQUE INDEX privacy_keys_period ON privacy_keys (lower(city), valid_from) WHERE kind = 'pseudonym';
