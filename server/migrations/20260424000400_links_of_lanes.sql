-- Links name only lanes that their junctions have: a file of the city with any other is refused. Where none is left, they are not known any more.
UPDATE links SET
    from_lanes = ARRAY(
        SELECT lane FROM unnest(from_lanes) WITH ORDINALITY AS named (lane, place)
        WHERE EXISTS (SELECT FROM lanes WHERE lanes.lane_id = lane AND lanes.junction_id = from_junction) ORDER BY place),
    to_lanes = ARRAY(
        SELECT lane FROM unnest(to_lanes) WITH ORDINALITY AS named (lane, place)
        WHERE EXISTS (SELECT FROM lanes WHERE lanes.lane_id = lane AND lanes.junction_id = to_junction) ORDER BY place);
