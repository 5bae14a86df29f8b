//! Whatever is read in whatever order: nobody vanishes without a reason, nothing grows without end, every number is one.

use super::*;
use flextraff_common::wire::{DemandDeparted, DemandLane, DemandRead};
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Event {
    Read { tag: u32, lane: usize, advance: bool },
    Show(Option<usize>),
    Reader { reader: usize, up: bool },
    Told { from: u128, tag: u32, ago_s: f64, inventory: f64, capacity: f64 },
}

fn events() -> impl Strategy<Value = Vec<(u16, Event)>> {
    let odd =
        || prop_oneof![0.0..60.0, Just(0.0), Just(-5.0), Just(f64::NAN), Just(f64::INFINITY), Just(1e300)];
    let event = prop_oneof![
        20 => (0_u32..40, 0_usize..4, any::<bool>()).prop_map(|(tag, lane, advance)| Event::Read { tag, lane, advance }),
        2 => prop::option::weighted(0.8, 0_usize..3).prop_map(Event::Show),
        1 => (0_usize..2, any::<bool>()).prop_map(|(reader, up)| Event::Reader { reader, up }),
        2 => (1_u128..5, 0_u32..40, odd(), odd(), odd())
            .prop_map(|(from, tag, ago_s, inventory, capacity)| Event::Told { from, tag, ago_s, inventory, capacity }),
    ];
    let pause = prop_oneof![6 => 0_u16..1500, 1 => 0_u16..30_000];
    prop::collection::vec((pause, event), 1..250)
}

const LANES: [&str; 4] = ["N1", "N2", "E", "W"];
const STAGES: [&str; 3] = ["N", "E", "W"];

/// Lets one second pass and looks who is gone, and why.
fn pass(scene: &mut Scene) -> Result<(), TestCaseError> {
    let before = scene.estimator.clone();
    scene.second += 1;
    let at_s = scene.second as f64;
    scene.estimator.handle_timeout(MonoMs(scene.second * 1000));
    let told = scene.estimator.tell(scene.config.device, moment(at_s));
    for (epc, vehicle) in
        before.vehicles.iter().filter(|(epc, _)| !scene.estimator.vehicles.contains_key(epc))
    {
        let lane = &before.lanes[vehicle.lane.index()];
        let is_told = told.departed.iter().any(|departed| departed.epc == epc.to_string());
        if vehicle.at_stop_line() {
            let is_said = is_told != vehicle.has_left;
            prop_assert!(is_said && at_s - vehicle.last_s > 1.0, "{epc} left unsaid, twice or too early");
            continue;
        }
        let blind =
            scene.estimator.lanes[vehicle.lane.index()].stop_reader_blind() || lane.stop_reader_blind();
        let let_go = is_told && blind && lane.green_since_s.is_some();
        let overtaken = before.vehicles.values().any(|other| {
            other.at_stop_line() && other.lane == vehicle.lane && other.due_s > vehicle.due_s + 3.9
        });
        let silent = lane.green_since_s.is_some_and(|green_s| at_s - green_s.max(lane.stop_read_s) > 3.9);
        let too_old = at_s - vehicle.due_s.max(vehicle.last_s) > 240.0;
        prop_assert!(let_go || overtaken || silent || too_old, "{epc} vanished at {at_s}: {vehicle:?}");
    }
    let arrived = scene.estimator.vehicles.keys().find(|epc| !before.vehicles.contains_key(epc));
    prop_assert_eq!(arrived, None, "nobody comes by waiting");
    numbers(scene, at_s)
}

fn numbers(scene: &Scene, at_s: f64) -> Result<(), TestCaseError> {
    let traffic = scene.estimator.traffic(mono(at_s));
    prop_assert_eq!(traffic.lanes.len(), 4);
    for lane in &traffic.lanes {
        let queue = &lane.queue;
        prop_assert!(queue.headway_s.iter().all(|headway| (0.5..100.0).contains(headway)), "{lane:?}");
        prop_assert!(
            queue.startup_s.is_finite() && lane.green_s.is_none_or(|green_s| (0.0..1e6).contains(&green_s))
        );
        prop_assert!(queue.arrivals.is_sorted_by(|a, b| a.at_s <= b.at_s));
        for arrival in &queue.arrivals {
            let fine = (0.0..400.0).contains(&arrival.at_s)
                && (0.0..=16.0).contains(&arrival.vehicles)
                && (0.0..1e3).contains(&arrival.weight)
                && !arrival.stages.is_empty()
                && arrival.stages.minus(queue.served).is_empty();
            prop_assert!(fine, "{arrival:?} at {at_s}");
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

    #[test]
    fn nobody_vanishes_without_a_reason(events in events()) {
        let mut scene = Scene::new();
        let mut now_ms = 0;
        for (pause_ms, event) in events {
            now_ms += i64::from(pause_ms);
            while scene.second < now_ms / 1000 {
                pass(&mut scene)?;
            }
            let at_s = now_ms as f64 / 1000.0;
            let mut known: Vec<Epc> = scene.estimator.vehicles.keys().copied().collect();
            match event {
                Event::Read { tag, lane, advance } => {
                    scene.read(tag, LANES[lane], if advance { ADVANCE } else { STOP }, at_s);
                    let epc = super::tag(tag);
                    let stays = advance && scene.estimator.lanes[lane].kerb.iter().any(|other| other.epc == epc);
                    // Who has just left another lane only passes by.
                    let crosses = !advance && scene.estimator.left.contains_key(&epc);
                    prop_assert!(stays || crosses || scene.estimator.vehicles.contains_key(&epc));
                    known.retain(|other| !(stays && *other == epc));
                }
                Event::Show(stage) => scene.show(stage.map(|stage| STAGES[stage]), at_s),
                Event::Reader { reader, up } => scene.estimator.handle_reader(reader, up),
                Event::Told { from, tag, ago_s, inventory, capacity } => {
                    let epc = super::tag(tag).to_string();
                    let demand = Demand {
                        reads: vec![DemandRead { lane: "N1".to_owned(), zone: ADVANCE, epc: epc.clone(), watched: None }],
                        lanes: vec![DemandLane { lane: "A".to_owned(), present: 0.0, inventory, capacity }],
                        departed: vec![DemandDeparted { lane: "S1".to_owned(), epc, ago_s }],
                        ..scene.nothing(at_s)
                    };
                    scene.hear(from, &demand, at_s);
                }
            }
            prop_assert!(known.iter().all(|epc| scene.estimator.vehicles.contains_key(epc)), "news takes nobody away");
            numbers(&scene, at_s)?;
        }
    }
}

#[test]
fn memory_is_bounded_whoever_comes() {
    let mut scene = Scene::new();
    for number in 0..100_000_u32 {
        let at_s = f64::from(number) / 400.0;
        let zone = if number % 3 == 0 { STOP } else { ADVANCE };
        scene.read(number, LANES[number as usize % 4], zone, at_s);
        let departed = DemandDeparted {
            lane: format!("S{number}"),
            epc: tag(number + 1_000_000).to_string(),
            ago_s: 0.0,
        };
        let read =
            DemandRead { lane: format!("A{number}"), zone, epc: tag(number).to_string(), watched: None };
        let demand = Demand { departed: vec![departed], reads: vec![read], ..scene.nothing(at_s) };
        scene.hear(2, &demand, at_s);
    }
    assert!(scene.estimator.vehicles.len() <= 4000);
    let sizes = scene.estimator.neighbours.sizes();
    assert!(sizes.iter().all(|size| *size <= 4000), "{sizes:?}");
    let arrivals =
        scene.estimator.traffic(mono(250.0)).lanes.iter().map(|lane| lane.queue.arrivals.len()).max();
    assert!(arrivals.is_some_and(|most| most <= 80), "{arrivals:?}");
}
