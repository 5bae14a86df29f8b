//! Names and ids of the demo city, and what the server is told of it.

use crate::reader::Dialect;
use crate::street::{CROSSING_M, LaneRef, Node, Side, grid, plain_reader};
use flextraff_common::ids::{DeviceId, JunctionId, LaneId};
use serde_json::{Value, json};
use uuid::Uuid;

pub(super) const MIN_GREEN_S: u32 = 7;
pub(super) const MAX_GREEN_S: u32 = 60;
const NAMES: [&str; 6] =
    ["Station Road", "Market Square", "River Bridge", "Mill Gate", "Bus Terminus", "Temple Street"];
const CITY: &str = "Demo city";
const TIME_ZONE: &str = "Asia/Kolkata";
/// Where the north-western junction stands, degrees.
const ORIGIN: (f64, f64) = (18.5308, 73.8475);
/// One degree of latitude, and at this latitude of longitude, metres.
const DEGREE_M: (f64, f64) = (111_000.0, 105_500.0);
const SPACING_M: f64 = 350.0;

/// What the reader of an approach speaks: each junction has readers of another maker, the one whose readers know no antenna numbers one of
/// each.
pub(super) const fn dialect(junction: usize, side: Side) -> Dialect {
    const NUMBERED: [Dialect; 4] = [Dialect::Ports, Dialect::Cf, Dialect::A0, Dialect::Thingmagic];
    const BARE: [Dialect; 4] = [Dialect::Plain, Dialect::M100, Dialect::Ascii, Dialect::Cc];
    if junction == plain_reader() { BARE[side as usize] } else { NUMBERED[junction % NUMBERED.len()] }
}

/// A junction with its ids.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) name: &'static str,
    pub(super) junction: JunctionId,
    pub(super) device: DeviceId,
    /// In the order of [`Side::ALL`].
    pub(super) lanes: [LaneId; 4],
}

/// A way from a junction to a neighbour.
#[derive(Clone, Copy, Debug)]
pub(super) struct Link {
    pub(super) from: usize,
    /// The side on which it leaves.
    pub(super) exit: Side,
    /// Where it arrives.
    pub(super) to: LaneRef,
    pub(super) distance_m: f64,
    pub(super) free_flow_s: f64,
}

impl Link {
    /// The lanes from which it is taken: all but the one that comes from there.
    pub(super) fn sides(&self) -> impl Iterator<Item = Side> + use<> {
        let exit = self.exit;
        Side::ALL.into_iter().filter(move |&side| side != exit)
    }
}

/// The city: the street's network with ids that the seed gives.
#[derive(Clone, Debug)]
pub(super) struct City {
    pub(super) nodes: Vec<Node>,
    pub(super) places: Vec<Place>,
    pub(super) links: Vec<Link>,
}

impl City {
    pub(super) fn new(seed: u64) -> Self {
        let nodes = grid();
        let space = Uuid::new_v5(&Uuid::NAMESPACE_URL, format!("flextraff-demo:{seed}").as_bytes());
        let id = |name: String| Uuid::new_v5(&space, name.as_bytes());
        let places = NAMES
            .iter()
            .enumerate()
            .map(|(index, name)| Place {
                name,
                junction: JunctionId(id(format!("junction {index}"))),
                device: DeviceId(id(format!("device {index}"))),
                lanes: Side::ALL.map(|side| LaneId(id(format!("lane {index} {}", side.name())))),
            })
            .collect();
        let mut links = Vec::new();
        for (from, node) in nodes.iter().enumerate() {
            for exit in Side::ALL {
                let Some(to) = node.exits[exit as usize] else { continue };
                let approach = &nodes[to.junction].approaches[to.side as usize];
                let distance_m = approach.length_m + CROSSING_M;
                let free_flow_s = (distance_m / approach.speed_mps * 10.0).round() / 10.0;
                links.push(Link { from, exit, to, distance_m, free_flow_s });
            }
        }
        Self { nodes, places, links }
    }

    /// The city as `flextraff-server junction import` reads it.
    pub(super) fn server_file(&self) -> Value {
        let lane = |at: LaneRef| self.places[at.junction].lanes[at.side as usize];
        let links: Vec<Value> = self
            .links
            .iter()
            .map(|link| {
                let from: Vec<LaneId> =
                    link.sides().map(|side| lane(LaneRef { junction: link.from, side })).collect();
                json!({
                    "from_junction": self.places[link.from].junction, "from_lanes": from,
                    "to_junction": self.places[link.to.junction].junction, "to_lanes": [lane(link.to)],
                    "distance_m": link.distance_m, "free_flow_s": link.free_flow_s,
                })
            })
            .collect();
        let junctions: Vec<Value> =
            self.places.iter().enumerate().map(|(index, place)| junction(index, place)).collect();
        json!({ "junctions": junctions, "links": links })
    }
}

fn junction(index: usize, place: &Place) -> Value {
    let (column, row) = ((index % 3) as f64, (index / 3) as f64);
    let lanes: Vec<Value> = Side::ALL
        .iter()
        .zip(1..)
        .map(|(side, number)| {
            json!({
                "lane_id": place.lanes[*side as usize], "lane_index": number,
                "lane_name": side.name(), "direction_enum": side.name(),
            })
        })
        .collect();
    let groups = Side::ALL
        .map(|side| json!({ "name": side.name(), "kind": "vehicle", "lanes": [place.lanes[side as usize]] }));
    let stages = Side::ALL.map(|side| {
        json!({
            "stage": side.name(), "groups": [side.name()],
            "min_green_s": MIN_GREEN_S, "max_green_s": MAX_GREEN_S,
        })
    });
    json!({
        "junction_id": place.junction, "junction_name": place.name, "city": CITY, "time_zone": TIME_ZONE,
        "latitude": round(ORIGIN.0 - row * SPACING_M / DEGREE_M.0),
        "longitude": round(ORIGIN.1 + column * SPACING_M / DEGREE_M.1),
        "min_cycle_time": 48, "max_cycle_time": 180, "base_cycle_time": 90,
        "lanes": lanes, "groups": groups, "stages": stages,
        "devices": [{ "device_id": place.device, "device_type": "junction" }],
        "signal": { "amber_s": 3.0, "all_red_s": 2.0, "red_amber_s": 0.0, "stage_order": "fixed" },
        "compatible": [], "intergreens": [],
    })
}

/// To six decimals, about a tenth of a metre.
fn round(degrees: f64) -> f64 {
    (degrees * 1e6).round() / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_pair_of_neighbours_is_linked_both_ways() {
        let city = City::new(1);
        assert_eq!(city.links.len(), 14);
        for link in &city.links {
            assert!((290.0..390.0).contains(&link.distance_m));
            assert!(link.sides().all(|side| side != link.exit) && link.sides().count() == 3);
            assert!(city.links.iter().any(|back| {
                back.from == link.to.junction && back.to == LaneRef { junction: link.from, side: link.exit }
            }));
        }
        let entries = city
            .nodes
            .iter()
            .flat_map(|node| &node.approaches)
            .filter(|approach| approach.arrivals.is_some());
        assert_eq!(entries.count(), 10);
    }

    #[test]
    fn readers_that_name_no_port_watch_one_zone() {
        for (index, node) in City::new(1).nodes.iter().enumerate() {
            for side in Side::ALL {
                let has_advance = node.approaches[side as usize].advance_m.is_some();
                assert_eq!(dialect(index, side).names_ports(), has_advance, "{index} {side:?}");
            }
        }
    }

    #[test]
    fn ids_depend_on_the_seed_alone_and_are_all_different() {
        let (one, same, other) = (City::new(1), City::new(1), City::new(2));
        assert_eq!(one.server_file(), same.server_file());
        assert_ne!(one.places[0].junction, other.places[0].junction);
        let mut ids = BTreeSet::new();
        for place in &one.places {
            ids.insert(place.junction.0);
            ids.insert(place.device.0);
            ids.extend(place.lanes.map(|lane| lane.0));
        }
        assert_eq!(ids.len(), 36);
    }

    #[test]
    fn the_server_file_names_only_what_it_defines() {
        let file = City::new(1).server_file();
        let lanes: BTreeSet<&str> = file["junctions"]
            .as_array()
            .unwrap()
            .iter()
            .flat_map(|junction| junction["lanes"].as_array().unwrap())
            .map(|lane| lane["lane_id"].as_str().unwrap())
            .collect();
        assert_eq!(lanes.len(), 24);
        for link in file["links"].as_array().unwrap() {
            let ends =
                link["from_lanes"].as_array().unwrap().iter().chain(link["to_lanes"].as_array().unwrap());
            assert!(ends.into_iter().all(|lane| lanes.contains(lane.as_str().unwrap())));
        }
    }
}
