use super::neighbour;
use crate::config::Config;
use crate::config::sample::two_lanes;
use crate::estimation::*;
use flextraff_common::ids::DeviceId;
use flextraff_common::time::{MonoMs, UnixMs};
use flextraff_common::wire::{Demand, DemandLane, DemandRead, ZoneName};
use std::sync::Arc;
use uuid::Uuid;

/// Lane N has a reader, E has none, and leads to a neighbour.
const READER: &str = r#"
[[reader]]
name = "north"
port = "virtual"
lanes = { "1" = "N" }
[output]
driver = "virtual"
[[link]]
junction = "00000000-0000-4000-8000-000000000002"
direction = "to"
lanes = ["E"]
their_lanes = ["W1"]
distance_m = 300
"#;

fn config() -> Arc<Config> {
    two_lanes(READER)
}

fn demand(device: u128, lanes: &[&str], watched: Option<&[&str]>) -> Demand {
    let read = |lane: &&str| DemandRead {
        lane: (*lane).to_owned(),
        zone: ZoneName::StopLine,
        epc: "34161FA8203E7CB202000020".to_owned(),
        watched: None,
    };
    Demand {
        reads: lanes.iter().map(read).collect(),
        watched: watched.map(|lanes| lanes.iter().map(|&lane| lane.to_owned()).collect()),
        ..Demand::new(DeviceId(Uuid::from_u128(device)), UnixMs(0))
    }
}

/// Whether lanes N and E count as watched.
fn watched(estimator: &mut Estimator, second: i64) -> [bool; 2] {
    let now = MonoMs::from_secs(second);
    estimator.handle_timeout(now);
    let traffic = estimator.traffic(now);
    [traffic.lanes[0].watched, traffic.lanes[1].watched]
}

#[test]
fn a_lane_read_by_another_device_is_watched_while_that_one_is_heard() {
    let mut estimator = Estimator::new(&config(), false, MonoMs(0));
    assert_eq!(watched(&mut estimator, 1), [false, false]);
    estimator.handle_demand(neighbour(1), &demand(7, &[], Some(&["E"])), MonoMs::from_secs(2));
    assert_eq!(watched(&mut estimator, 12), [false, true], "10 s");
    assert_eq!(watched(&mut estimator, 13), [false, false], "and no longer");
    // A device that does not say what it watches watches what it reads, as long as it says anything.
    estimator.handle_demand(neighbour(1), &demand(8, &["E"], None), MonoMs::from_secs(20));
    estimator.handle_demand(neighbour(1), &demand(8, &[], None), MonoMs::from_secs(29));
    assert_eq!(watched(&mut estimator, 39), [false, true]);
    assert_eq!(watched(&mut estimator, 40), [false, false]);
    // One whose reader fails says so.
    estimator.handle_demand(neighbour(1), &demand(7, &[], Some(&["E"])), MonoMs::from_secs(50));
    estimator.handle_demand(neighbour(1), &demand(7, &[], Some(&[])), MonoMs::from_secs(51));
    assert_eq!(watched(&mut estimator, 52), [false, false]);
    // The own reader counts for its own lane.
    estimator.handle_reader(0, true);
    assert_eq!(watched(&mut estimator, 53), [true, false]);
}

#[test]
fn where_somebody_else_feeds_the_reads_a_failing_reader_concerns_its_own_lanes_only() {
    let mut estimator = Estimator::new(&config(), true, MonoMs(0));
    assert_eq!(watched(&mut estimator, 1), [true, true]);
    estimator.handle_reader(0, false);
    assert_eq!(watched(&mut estimator, 2), [false, true]);
}

#[test]
fn reads_of_another_device_are_vehicles() {
    let mut estimator = Estimator::new(&config(), false, MonoMs(0));
    estimator.handle_demand(neighbour(1), &demand(7, &["E"], Some(&["E"])), MonoMs(1000));
    let waits = |estimator: &Estimator| !estimator.traffic(MonoMs(1500)).lanes[1].queue.arrivals.is_empty();
    assert!(waits(&estimator));
    let mut nobody = Estimator::new(&config(), false, MonoMs(0));
    nobody.handle_demand(neighbour(2), &demand(7, &["E"], None), MonoMs(1000));
    assert!(!waits(&nobody), "a neighbour's lane of the same name is another lane");
}

#[test]
fn a_neighbours_counter_does_not_empty_its_lanes() {
    let config = config();
    let mut neighbours = crate::estimation::neighbour::Neighbours::new(&config, 0.0);
    let lane = config.junction.lane_named("E").expect("it is there");
    let full = DemandLane { lane: "W1".to_owned(), present: 4.0, inventory: 10.0, capacity: 10.0 };
    neighbours.handle(neighbour(2), &Demand { lanes: vec![full], ..demand(7, &[], None) }, 1.0);
    neighbours.handle(neighbour(2), &demand(8, &["W1"], Some(&["W1"])), 1.2);
    assert!((neighbours.fullness(lane, 2.0) - 1.0).abs() < 1e-9);
    // The one that drives the lamps names no empty lane.
    neighbours.handle(neighbour(2), &demand(7, &[], None), 2.0);
    assert!(neighbours.fullness(lane, 2.5).abs() < 1e-9);
}
