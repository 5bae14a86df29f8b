//! The agents' configuration files.

use super::city::{City, MAX_GREEN_S, MIN_GREEN_S, dialect};
use super::files::AgentPaths;
use crate::street::{STOP_ZONE_M, Side};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Greens without a plan: short, so that a plan, which starts when a cycle ends, soon takes over.
const FALLBACK_GREEN_S: u32 = 10;

#[derive(Serialize)]
struct File<'a> {
    junction: Junction<'a>,
    device: Device,
    clock: Clock,
    signal: Signal,
    counting: Counting,
    outbox: Outbox<'a>,
    mqtt: Mqtt<'a>,
    output: Output<'a>,
    console: Console<'a>,
    lane: Vec<Lane>,
    stage: Vec<Stage>,
    reader: Vec<Reader>,
    link: Vec<Link>,
    fallback: [Fallback; 1],
}

#[derive(Serialize)]
struct Junction<'a> {
    id: String,
    name: &'a str,
}

#[derive(Serialize)]
struct Device {
    id: String,
}

#[derive(Serialize)]
struct Clock {
    trust: &'static str,
}

/// A short start-up: flash no shorter than conflict monitors flash (4 s), all-red as long as amber and all-red together.
#[derive(Serialize)]
struct Signal {
    startup_flash_s: u32,
    startup_all_red_s: u32,
}

#[derive(Serialize)]
struct Counting {
    accept: &'static str,
}

#[derive(Serialize)]
struct Outbox<'a> {
    path: &'a Path,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_mb: Option<u32>,
}

#[derive(Serialize)]
struct Mqtt<'a> {
    url: &'a str,
    username: String,
    password_file: &'a Path,
}

#[derive(Serialize)]
struct Output<'a> {
    driver: &'static str,
    socket: &'a Path,
    longest_stop_s: u32,
}

#[derive(Serialize)]
struct Console<'a> {
    socket: &'a Path,
}

#[derive(Serialize)]
struct Lane {
    id: String,
    name: &'static str,
    direction: &'static str,
    speed_kmh: f64,
    stop_zone_m: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    advance_m: Option<f64>,
}

#[derive(Serialize)]
struct Stage {
    name: &'static str,
    lanes: [&'static str; 1],
    min_green_s: u32,
    max_green_s: u32,
}

#[derive(Serialize)]
struct Reader {
    name: String,
    protocol: &'static str,
    port: PathBuf,
    baud: u32,
    lanes: BTreeMap<&'static str, String>,
}

#[derive(Serialize)]
struct Link {
    junction: String,
    direction: &'static str,
    lanes: Vec<&'static str>,
    their_lanes: Vec<&'static str>,
    distance_m: f64,
    free_flow_s: f64,
}

#[derive(Serialize)]
struct Fallback {
    greens: BTreeMap<&'static str, u32>,
}

/// The file of one junction's agent. `url` is the broker's, without credentials; `max_mb` the limit of the outbox, where it is not the usual one.
pub(super) fn write(
    city: &City,
    index: usize,
    paths: &AgentPaths,
    url: &str,
    max_mb: Option<u32>,
) -> Result<String, toml::ser::Error> {
    let place = &city.places[index];
    let file = File {
        junction: Junction { id: place.junction.to_string(), name: place.name },
        device: Device { id: place.device.to_string() },
        clock: Clock { trust: "always" },
        signal: Signal { startup_flash_s: 4, startup_all_red_s: 5 },
        counting: Counting { accept: "fastag" },
        outbox: Outbox { path: &paths.outbox, max_mb },
        mqtt: Mqtt { url, username: place.device.to_string(), password_file: &paths.password },
        output: Output { driver: "virtual", socket: &paths.lamps, longest_stop_s: 0 },
        console: Console { socket: &paths.console },
        lane: Side::ALL.iter().map(|&side| lane(city, index, side)).collect(),
        stage: Side::ALL.iter().map(|&side| stage(side)).collect(),
        reader: Side::ALL.iter().map(|&side| reader(index, side, paths)).collect(),
        link: links(city, index),
        fallback: [Fallback {
            greens: Side::ALL.iter().map(|side| (side.name(), FALLBACK_GREEN_S)).collect(),
        }],
    };
    toml::to_string(&file)
}

fn lane(city: &City, index: usize, side: Side) -> Lane {
    let approach = &city.nodes[index].approaches[side as usize];
    Lane {
        id: city.places[index].lanes[side as usize].to_string(),
        name: side.name(),
        direction: side.name(),
        speed_kmh: (approach.speed_mps * 3.6).round(),
        stop_zone_m: STOP_ZONE_M,
        advance_m: approach.advance_m,
    }
}

fn stage(side: Side) -> Stage {
    Stage { name: side.name(), lanes: [side.name()], min_green_s: MIN_GREEN_S, max_green_s: MAX_GREEN_S }
}

fn reader(index: usize, side: Side, paths: &AgentPaths) -> Reader {
    let dialect = dialect(index, side);
    let lanes = if dialect.names_ports() {
        BTreeMap::from([("1", side.name().to_owned()), ("2", format!("{}:advance", side.name()))])
    } else {
        BTreeMap::from([("default", side.name().to_owned())])
    };
    Reader {
        name: side.name().to_owned(),
        protocol: dialect.protocol(),
        port: paths.readers[side as usize].clone(),
        baud: dialect.baud(),
        lanes,
    }
}

fn links(city: &City, index: usize) -> Vec<Link> {
    let mut links = Vec::new();
    for link in &city.links {
        let leaves: Vec<&str> = link.sides().map(Side::name).collect();
        let arrives = vec![link.to.side.name()];
        let (neighbour, direction, lanes, their_lanes) = if link.from == index {
            (link.to.junction, "to", leaves, arrives)
        } else if link.to.junction == index {
            (link.from, "from", arrives, leaves)
        } else {
            continue;
        };
        links.push(Link {
            junction: city.places[neighbour].junction.to_string(),
            direction,
            lanes,
            their_lanes,
            distance_m: link.distance_m,
            free_flow_s: link.free_flow_s,
        });
    }
    links
}

#[cfg(test)]
mod tests {
    use super::super::files::Folder;
    use super::*;
    use crate::street::plain_reader;
    use std::collections::BTreeSet;

    #[test]
    fn the_city_has_every_protocol_and_only_readers_that_name_ports_have_two() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::create(dir.path()).unwrap();
        let city = City::new(1);
        let mut protocols = BTreeSet::new();
        for index in 0..city.places.len() {
            let text = write(&city, index, &folder.agent(index), "mqtt://127.0.0.1:1883", None).unwrap();
            let table: toml::Table = text.parse().unwrap();
            for (reader, side) in table["reader"].as_array().unwrap().iter().zip(Side::ALL) {
                protocols.insert(reader["protocol"].as_str().unwrap().to_owned());
                let lanes = reader["lanes"].as_table().unwrap();
                assert_eq!(lanes.len(), if dialect(index, side).names_ports() { 2 } else { 1 });
            }
        }
        let all = ["a0", "ascii", "cc", "cf", "m100", "thingmagic", "uhfreader"];
        assert_eq!(protocols.into_iter().collect::<Vec<_>>(), all);
    }

    #[test]
    fn an_agents_file_reads_back_with_its_four_readers_and_its_neighbours() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::create(dir.path()).unwrap();
        let city = City::new(1);
        for (index, links) in [(0, 4), (1, 6), (4, 6), (5, 4)] {
            let text = write(&city, index, &folder.agent(index), "mqtt://127.0.0.1:1883", None).unwrap();
            let table: toml::Table = text.parse().unwrap();
            for (key, count) in [("lane", 4), ("stage", 4), ("reader", 4), ("link", links)] {
                assert_eq!(table[key].as_array().unwrap().len(), count, "{key} of {index}");
            }
            assert_eq!(table["mqtt"]["username"].as_str().unwrap(), table["device"]["id"].as_str().unwrap());
            assert_eq!(text.contains(":advance"), index != plain_reader());
            assert!(!text.contains("password ="));
        }
    }
}
