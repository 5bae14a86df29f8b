use super::vehicle::Arrivals;
use super::*;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

const SECOND: i64 = 1000 / STEP_MS;

/// One junction whose northern lane alone has traffic.
fn single(mean_veh_h: f64, length_m: f64) -> Vec<Node> {
    let approach = |flow: Option<f64>| Approach {
        length_m,
        speed_mps: 40.0 / 3.6,
        advance_m: Some(100.0),
        arrivals: flow.map(|mean_veh_h| Profile { mean_veh_h, swing: 0.0, period_s: 600.0, phase_s: 0.0 }),
    };
    vec![Node {
        approaches: [approach(Some(mean_veh_h)), approach(None), approach(None), approach(None)],
        exits: [None; 4],
    }]
}

fn all(aspect: Aspect) -> Aspects {
    [Some(aspect); 4]
}

/// Runs a city with any lamps, and checks at every step what must always hold.
fn run(seed: u64, steps: i64, mut lamps: impl FnMut(MonoMs, usize) -> Aspects) -> (Street, Vec<Step>) {
    let mut street = Street::new(grid(), seed);
    let mut history = Vec::new();
    for _ in 0..steps {
        for junction in 0..street.nodes.len() {
            let aspects = lamps(street.now(), junction);
            street.set_lamps(junction, aspects);
        }
        let step = street.step();
        assert_eq!(street.tally().entered, street.inside() + street.tally().left);
        for crossing in &step.crossings {
            assert!(
                !matches!(crossing.aspect, None | Some(Aspect::Red | Aspect::RedAmber)),
                "{crossing:?} at {:?}",
                street.now()
            );
        }
        history.push(step);
    }
    (street, history)
}

/// A standing queue of one kind, and when its vehicles cross after the light turns green, seconds.
fn discharge(kind: Kind, count: usize) -> (Lane, Vec<f64>) {
    let mut lane = Lane::default();
    let profile = Profile { mean_veh_h: 3600.0, swing: 0.0, period_s: 600.0, phase_s: 0.0 };
    let mut source = Arrivals::new(LaneRef { junction: 0, side: Side::N }, profile, 1);
    for _ in 0..count {
        let mut vehicle = source.arrived(MonoMs(1_000_000)).expect("more arrive in 1000 s");
        vehicle.kind = kind;
        vehicle.briskness = 1.0;
        lane.waiting.push_back(vehicle);
    }
    for _ in 0..120 * SECOND {
        lane.step(Leave::Stop, 11.1, 250.0, 0.1);
    }
    let standing = lane.clone();
    let mut times = Vec::new();
    for step in 0..60 * SECOND {
        let crossed = lane.step(Leave::Go, 11.1, 250.0, 0.1).crossed;
        times.extend((0..crossed).map(|_| step as f64 / 10.0));
    }
    (standing, times)
}

#[test]
fn a_queue_discharges_with_a_start_up_loss_and_one_headway_a_vehicle() {
    let (queue, times) = discharge(Kind::Car, 25);
    let (first, second) = (&queue.vehicles[0], &queue.vehicles[1]);
    assert!((first.pos - 1.0).abs() < 0.2 && (second.pos - first.pos - 7.0).abs() < 0.3);
    let headway = (times[19] - times[9]) / 10.0;
    let lost = times[19] - 19.0 * headway;
    assert!((1.8..2.2).contains(&headway), "headway {headway}");
    assert!((0.5..4.0).contains(&lost), "start-up loss {lost}");
}

#[test]
fn two_wheelers_stand_and_discharge_closer() {
    let (queue, times) = discharge(Kind::TwoWheeler, 40);
    assert!((queue.vehicles[1].pos - queue.vehicles[0].pos - 2.5).abs() < 0.3);
    let headway = (times[34] - times[14]) / 20.0;
    assert!((0.6..0.8).contains(&headway), "headway {headway}");
}

#[test]
fn amber_stops_who_can_stop_and_passes_who_cannot() {
    let mut street = Street::new(single(500.0, 250.0), 5);
    let mut passed = 0;
    for step in 0..600 * SECOND {
        let aspects = all(match step % (30 * SECOND) {
            t if t < 12 * SECOND => Aspect::Green,
            t if t < 15 * SECOND => Aspect::Amber,
            _ => Aspect::Red,
        });
        street.set_lamps(0, aspects);
        for crossing in street.step().crossings {
            assert_ne!(crossing.aspect, Some(Aspect::Red));
            passed += u32::from(crossing.aspect == Some(Aspect::Amber));
        }
    }
    assert!((1..40).contains(&passed), "{passed} passed on amber in 20 cycles");
}

#[test]
fn nobody_moves_while_the_lamps_are_unknown_and_few_while_they_flash() {
    let (street, _) = run(3, 120 * SECOND, |_, _| [None; 4]);
    assert_eq!(street.tally().crossed, vec![[0; 4]; 6]);
    let (street, _) = run(3, 300 * SECOND, |_, _| all(Aspect::FlashAmber));
    for crossed in &street.tally().crossed {
        let total: u64 = crossed.iter().sum();
        assert!((20..=75).contains(&total), "{crossed:?}");
    }
}

#[test]
fn the_flow_is_what_the_profile_says() {
    let mut street = Street::new(single(600.0, 250.0), 11);
    street.set_lamps(0, all(Aspect::Green));
    for _ in 0..7200 * SECOND {
        street.step();
    }
    let entered = street.tally().entered;
    assert!((1080..1320).contains(&entered), "{entered} in two hours at 600 an hour");
    assert!(street.tally().mean_wait_s() < 1.0);
}

#[test]
fn tags_are_read_in_the_zone_only_and_most_passages_are_read() {
    let mut street = Street::new(grid(), 21);
    let (mut read, mut present) = (BTreeSet::new(), BTreeSet::new());
    let (mut spilled, mut own) = (0_u32, 0_u32);
    for _ in 0..900 * SECOND {
        for junction in 0..6 {
            street.set_lamps(junction, fixed_aspects(street.now()));
        }
        let step = street.step();
        let mut inside: BTreeMap<Passage, (Side, f64)> = BTreeMap::new();
        for (junction, lanes) in street.lanes.iter().enumerate() {
            for side in Side::ALL {
                for vehicle in lanes[side as usize].vehicles.iter().filter(|vehicle| vehicle.tag.is_some()) {
                    let passage = Passage { junction, vehicle: vehicle.id, hop: vehicle.hop };
                    inside.insert(passage, (side, vehicle.pos));
                    if (0.0..STOP_ZONE_M).contains(&vehicle.pos) {
                        present.insert(passage);
                    }
                }
            }
        }
        for pair in step.reads.windows(2) {
            assert!(pair[0].at <= pair[1].at);
        }
        for tag in &step.reads {
            let &(side, pos) =
                inside.get(&tag.passage).expect("only a tagged vehicle of that junction is read");
            assert_eq!(side, tag.true_side);
            let zone = match tag.zone {
                ZoneName::StopLine => 0.0..=STOP_ZONE_M,
                ZoneName::Advance => 96.0..=104.0,
            };
            assert!(zone.contains(&pos), "{tag:?} at {pos}");
            assert_eq!(tag.epc.is_fastag(), tag.fastag);
            if tag.zone == ZoneName::StopLine {
                read.insert(tag.passage);
                *(if tag.side == side { &mut own } else { &mut spilled }) += 1;
            }
            assert!(tag.side == side || tag.side == side.neighbour());
        }
    }
    let share = read.len() as f64 / present.len() as f64;
    assert!((0.97..1.0).contains(&share), "{share} of {} passages read", present.len());
    let spill = f64::from(spilled) / f64::from(own + spilled);
    assert!((0.05..0.10).contains(&spill), "{spill} of reads are stray");
    assert!(present.len() > 300);
}

#[test]
fn a_stray_read_is_weaker() {
    let (_, steps) = run(8, 300 * SECOND, |now, _| fixed_aspects(now));
    let mut strays = 0;
    for step in &steps {
        for stray in step.reads.iter().filter(|read| read.side != read.true_side) {
            strays += 1;
            assert!(stray.rssi > 128, "{stray:?}");
            let twin = step.reads.iter().find(|read| {
                read.passage == stray.passage && read.at == stray.at && read.side == read.true_side
            });
            assert!(twin.is_none_or(|twin| twin.rssi >= stray.rssi + 20), "{stray:?} {twin:?}");
        }
    }
    assert!(strays > 20, "{strays}");
}

#[test]
fn tags_are_unique_and_stay_with_their_vehicle() {
    let (_, steps) = run(8, 400 * SECOND, |now, _| fixed_aspects(now));
    let mut owners = BTreeMap::new();
    let mut junctions: BTreeMap<u64, BTreeSet<usize>> = BTreeMap::new();
    let mut foreign = BTreeSet::new();
    for read in steps.iter().flat_map(|step| &step.reads) {
        assert_eq!(*owners.entry(read.epc).or_insert(read.passage.vehicle), read.passage.vehicle);
        junctions.entry(read.passage.vehicle).or_default().insert(read.passage.junction);
        if !read.fastag {
            foreign.insert(read.epc);
        }
    }
    assert!(junctions.values().any(|seen| seen.len() >= 3), "some vehicles pass several junctions");
    assert!(!foreign.is_empty() && foreign.iter().all(|epc| epc.to_string().starts_with("E280")));
}

#[test]
fn arrivals_do_not_depend_on_the_lamps() {
    let (slow, _) = run(17, 300 * SECOND, |_, _| all(Aspect::Red));
    let (fast, _) = run(17, 300 * SECOND, |now, _| fixed_aspects(now));
    assert_eq!(slow.tally().entered, fast.tally().entered);
    assert!(slow.tally().mean_wait_s() > fast.tally().mean_wait_s());
}

#[test]
fn fixed_time_carries_the_demand() {
    let wait = fixed_time_mean_wait_s(1, MonoMs(1_200_000));
    assert!((20.0..150.0).contains(&wait), "mean wait {wait} s");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn any_lamps_keep_the_count_and_nobody_passes_on_red(
        seed: u64,
        picks in prop::collection::vec(0_usize..8, 24..240),
    ) {
        let choices = [
            None,
            Some(Aspect::Green),
            Some(Aspect::Amber),
            Some(Aspect::Red),
            Some(Aspect::RedAmber),
            Some(Aspect::FlashAmber),
            Some(Aspect::FlashRed),
            Some(Aspect::Dark),
        ];
        let lamps = |now: MonoMs, junction: usize| {
            Side::ALL.map(|side| {
                let index = (now.0 / 1700) as usize * 24 + junction * 4 + side as usize;
                choices[picks[index % picks.len()]]
            })
        };
        let (one, one_steps) = run(seed, 90 * SECOND, lamps);
        let (other, other_steps) = run(seed, 90 * SECOND, lamps);
        prop_assert_eq!(one.tally(), other.tally());
        for (one, other) in one_steps.iter().zip(&other_steps) {
            prop_assert_eq!(&one.reads, &other.reads);
            prop_assert_eq!(&one.crossings, &other.crossings);
        }
    }
}
