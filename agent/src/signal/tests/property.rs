//! Whatever junction, plans, commands and clocks: an observer who knows only the junction's rules and the lamps finds nothing wrong.

use super::*;
use crate::interlock::Interlock;
use flextraff_common::junction::{GroupIx, LaneIx};
use flextraff_common::wire::{ControllerState, Mode, StageTime};
use proptest::prelude::*;

#[derive(Clone, Debug)]
pub(super) struct Shape {
    groups: usize,
    compatible: u64,
    pedestrians: u8,
    intergreens: Vec<(u8, u8, u16)>,
    stages: Vec<u8>,
    amber: f64,
    all_red: f64,
    red_amber: f64,
}

#[derive(Clone, Debug)]
enum Act {
    Wait,
    Plan { mode: Mode, greens: Vec<f64>, valid_s: f64, releases: bool },
    Emergency { stage: u8, valid_s: f64 },
    Vehicle { lane: Option<u8>, for_s: u32 },
    WallClock { jump_ms: i64, synced: bool },
    Panel { on: bool, longest_s: u32 },
    Advance,
}

pub(super) fn shapes() -> impl Strategy<Value = Shape> {
    let times = (
        prop::sample::select(vec![1.0, 2.5, 3.0, 3.1, 4.4]),
        prop::sample::select(vec![0.0, 0.9, 1.0, 2.0, 3.7]),
    );
    let red_amber = prop::sample::select(vec![0.0, 0.0, 1.0, 1.5]);
    let lists =
        (prop::collection::vec(any::<(u8, u8, u16)>(), 0..10), prop::collection::vec(any::<u8>(), 1..5));
    (2_usize..=8, any::<u64>(), any::<u8>(), lists, times, red_amber).prop_map(
        |(groups, compatible, pedestrians, (intergreens, stages), (amber, all_red), red_amber)| Shape {
            groups,
            compatible,
            pedestrians: pedestrians & !1,
            intergreens,
            stages,
            amber,
            all_red,
            red_amber,
        },
    )
}

fn acts() -> impl Strategy<Value = Vec<(u32, Act)>> {
    let greens = prop::collection::vec((0_u32..40).prop_map(f64::from), 16);
    let act = prop_oneof![
        2 => Just(Act::Wait),
        4 => (prop::bool::weighted(0.3), greens, 5_u32..400, any::<bool>()).prop_map(
            |(manual, greens, valid_s, releases)| Act::Plan {
                mode: if manual { Mode::ManualOverride } else { Mode::Automatic },
                greens,
                valid_s: f64::from(valid_s),
                releases,
            }
        ),
        2 => (any::<u8>(), 5_u32..400)
            .prop_map(|(stage, valid_s)| Act::Emergency { stage, valid_s: f64::from(valid_s) }),
        3 => (any::<Option<u8>>(), 0_u32..200).prop_map(|(lane, for_s)| Act::Vehicle { lane, for_s }),
        1 => (-100_000_000_i64..100_000_000, any::<bool>())
            .prop_map(|(jump_ms, synced)| Act::WallClock { jump_ms, synced }),
        1 => (any::<bool>(), 60_u32..1000).prop_map(|(on, longest_s)| Act::Panel { on, longest_s }),
        2 => Just(Act::Advance),
    ];
    prop::collection::vec((prop_oneof![0_u32..3_000, 0_u32..60_000, 0_u32..400_000], act), 1..30)
}

/// Builds stages until every group has green somewhere, then some more.
pub(super) fn spec(shape: &Shape) -> Option<JunctionSpec> {
    let names: Vec<String> = (0..shape.groups).map(|number| format!("g{number}")).collect();
    let goes_with =
        |a: usize, b: usize| a == b || shape.compatible >> ((a.min(b) * 8 + a.max(b)) % 61) & 1 == 1;
    let mut spec = four_way_spec();
    spec.lanes = names.iter().zip(10..).map(|(name, id)| lane(name, id)).collect();
    let pedestrian = |number: usize| shape.pedestrians >> number & 1 == 1;
    let kind = |number| if pedestrian(number) { GroupKind::Pedestrian } else { GroupKind::Vehicle };
    spec.groups = names.iter().enumerate().map(|(at, name)| group(name, kind(at), &[name])).collect();
    let mut served = vec![false; shape.groups];
    let mut masks = shape.stages.iter().copied().cycle();
    spec.stages.clear();
    for group in spec.groups.iter_mut().filter(|group| group.kind == GroupKind::Pedestrian) {
        group.clearance_s = (shape.pedestrians & 2 == 0).then_some(6.5);
    }
    while spec.stages.len() < 2 || !served.iter().all(|served| *served) {
        let first = served.iter().position(|served| !served).unwrap_or(spec.stages.len() % shape.groups);
        let mask = masks.next()?;
        let mut members = vec![first];
        for other in (0..shape.groups).filter(|other| mask >> (other % 8) & 1 == 1) {
            if !members.contains(&other) && members.iter().all(|&member| goes_with(member, other)) {
                members.push(other);
            }
        }
        for &member in &members {
            served[member] = true;
        }
        let groups: Vec<&str> = members.iter().map(|&member| names[member].as_str()).collect();
        let mut built = stage(&format!("s{}", spec.stages.len()), &groups);
        built.min_green_s = f64::from(5 + mask % 4);
        built.skip = mask % 2 == 0;
        spec.stages.push(built);
    }
    for a in 0..shape.groups {
        for b in (a + 1..shape.groups).filter(|&b| goes_with(a, b)) {
            spec.compatible.push(compatible(&names[a], &names[b]));
        }
    }
    let mut given = Vec::new();
    for &(from, to, tenths) in &shape.intergreens {
        let (from, to) = (usize::from(from) % shape.groups, usize::from(to) % shape.groups);
        if !goes_with(from, to) && !given.contains(&(from, to)) {
            given.push((from, to));
            spec.intergreens.push(intergreen(&names[from], &names[to], 4.4 + f64::from(tenths % 150) / 10.0));
        }
    }
    spec.signal.amber_s = shape.amber;
    spec.signal.all_red_s = shape.all_red;
    spec.signal.red_amber_s = shape.red_amber;
    spec.signal.longest_red_s = 600.0;
    Some(spec)
}

fn junction(shape: &Shape) -> Option<Arc<Junction>> {
    Junction::build(&spec(shape)?).ok().map(Arc::new)
}

fn plan(junction: &Junction, act: &Act) -> Option<GreenTime> {
    let named = |at: usize, green_s: f64| StageTime {
        stage: junction.stages()[at].name.clone(),
        green_s,
        ..StageTime::default()
    };
    let (mode, stages, valid_s, ends_override) = match act {
        Act::Plan { mode, greens, valid_s, releases } => {
            let all = greens.iter().take(junction.stages().len()).enumerate();
            let stages =
                all.filter(|(_, green)| **green > 3.0).map(|(at, green)| named(at, *green)).collect();
            (*mode, stages, *valid_s, *releases)
        }
        Act::Emergency { stage, valid_s } => {
            let at = usize::from(*stage) % junction.stages().len();
            (Mode::Emergency, vec![named(at, 0.0)], *valid_s, false)
        }
        Act::Wait | Act::Vehicle { .. } | Act::WallClock { .. } | Act::Panel { .. } | Act::Advance => {
            return None;
        }
    };
    Some(GreenTime {
        junction_id: junction.id,
        stages: Some(stages),
        mode,
        offset_s: (!(valid_s as u32).is_multiple_of(3)).then_some(valid_s),
        valid_s: Some(valid_s),
        ends_override,
        ..GreenTime::default()
    })
}

/// Looks at the lamps only, group by group, with nothing of the controller's in hand.
pub(super) struct Observer<'a> {
    junction: &'a Junction,
    last: Vec<Aspect>,
    amber_began: Vec<i64>,
    amber_ended: Vec<Option<i64>>,
    green_ended: Vec<Option<i64>>,
    stage_green: Option<(usize, i64)>,
}

impl<'a> Observer<'a> {
    pub(super) fn new(junction: &'a Junction) -> Self {
        let groups = junction.groups().len();
        Self {
            junction,
            last: Vec::new(),
            amber_began: vec![0; groups],
            amber_ended: vec![None; groups],
            green_ended: vec![None; groups],
            stage_green: None,
        }
    }

    pub(super) fn see(&mut self, shown: &Shown) -> Result<(), TestCaseError> {
        let (now, lamps) = (shown.at.0, &shown.lamps);
        let flash = shown.state == ControllerState::Flash;
        if self.last.is_empty() {
            prop_assert!(flash);
            self.last.clone_from(lamps);
            return Ok(());
        }
        prop_assert!(!flash, "flash without a fault at {now}");
        prop_assert_eq!(now % 1000, 0, "a change between two seconds");
        for (group, (&was, &is)) in self.last.iter().zip(lamps).enumerate() {
            let pedestrian = self.junction.groups()[group].kind == GroupKind::Pedestrian;
            prop_assert!(
                matches!(is, Aspect::Green | Aspect::Amber | Aspect::Red | Aspect::RedAmber),
                "dark or flashing face at {now}"
            );
            if was == is {
                continue;
            }
            match was {
                Aspect::Green => {
                    let wanted = if pedestrian { Aspect::Red } else { Aspect::Amber };
                    prop_assert_eq!(is, wanted, "after green at {}", now);
                    self.green_ended[group] = Some(now);
                    self.amber_began[group] = now;
                }
                Aspect::Amber => {
                    prop_assert_eq!(is, Aspect::Red);
                    let shown = now - self.amber_began[group];
                    prop_assert!(shown >= i64::from(self.junction.signal.amber_ms), "amber {shown} at {now}");
                    self.amber_ended[group] = Some(now);
                }
                Aspect::Red if pedestrian => prop_assert_eq!(is, Aspect::Green),
                Aspect::Red => prop_assert!(matches!(is, Aspect::Green | Aspect::RedAmber)),
                Aspect::RedAmber => prop_assert_eq!(is, Aspect::Green),
                _ => prop_assert_eq!(is, Aspect::Red, "out of flash at {}", now),
            }
            if is == Aspect::Green {
                self.intergreens(group, now)?;
            }
        }
        for a in 0..lamps.len() {
            for b in a + 1..lamps.len() {
                if lamps[a] != Aspect::Red && lamps[b] != Aspect::Red {
                    let conflict = self.junction.conflicts(GroupIx::new(a), GroupIx::new(b));
                    prop_assert!(!conflict, "{a} {:?} and {b} {:?} at {now}", lamps[a], lamps[b]);
                }
            }
        }
        self.last.clone_from(lamps);
        self.stages(shown)
    }

    fn intergreens(&self, to: usize, now: i64) -> Result<(), TestCaseError> {
        for (from, ended) in self.green_ended.iter().enumerate() {
            let least = i64::from(self.junction.intergreen_ms(GroupIx::new(from), GroupIx::new(to)));
            if let Some(ended) = ended {
                prop_assert!(now - ended >= least, "{from} to {to} after {} of {least} ms", now - ended);
            }
            let red = least - i64::from(self.junction.signal.amber_ms);
            if let Some(ended) = self.amber_ended[from] {
                prop_assert!(now - ended >= red, "{from} to {to} after {} of {red} ms of red", now - ended);
            }
        }
        Ok(())
    }

    fn stages(&mut self, shown: &Shown) -> Result<(), TestCaseError> {
        let green = (shown.state == ControllerState::Green).then_some(shown.stage).flatten();
        if let Some(stage) = green {
            let lit = shown.lamps.iter().enumerate().filter(|(_, aspect)| **aspect == Aspect::Green);
            let lit: Vec<usize> = lit.map(|(group, _)| group).collect();
            let due: Vec<usize> = self.junction.stage(stage).groups.iter().map(GroupIx::index).collect();
            prop_assert_eq!(lit, due);
        }
        let now = green.map(flextraff_common::junction::StageIx::index);
        if let Some((stage, since)) = self.stage_green.filter(|(stage, _)| now != Some(*stage)) {
            let least = i64::from(self.junction.stages()[stage].min_green_s) * 1000;
            prop_assert!(shown.at.0 - since >= least, "green of stage {stage} cut at {:?}", shown.at);
            self.stage_green = None;
        }
        if let (Some(stage), None) = (now, self.stage_green) {
            self.stage_green = Some((stage, shown.at.0));
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn nothing_makes_the_lamps_unsafe(shape in shapes(), acts in acts(), start_ms in -60_000_i64..60_000) {
        let Some(junction) = junction(&shape) else { return Err(TestCaseError::reject("no junction")) };
        let mut now = Moment { mono: MonoMs(start_ms), wall: EPOCH, clock: ClockState::Unsynced };
        let fallback = Fallback::new(Vec::new(), Tz::Asia__Kolkata);
        let mut road = Road::with(Arc::clone(&junction), fallback, now);
        for (wait_ms, act) in &acts {
            now = Moment { mono: now.mono + i64::from(*wait_ms), wall: now.wall + i64::from(*wait_ms), ..now };
            if let Act::WallClock { jump_ms, synced } = act {
                let clock = if *synced { ClockState::Synced } else { ClockState::Unsynced };
                now = Moment { wall: now.wall + *jump_ms, clock, ..now };
            }
            match (plan(&junction, act), act) {
                (Some(message), _) => drop(road.controller.handle_plan(&message, now)),
                (None, Act::Panel { on, longest_s }) => road.controller.handle_panel(*on, *longest_s, now),
                (None, Act::Advance) => road.controller.handle_advance(now),
                (None, _) => road.controller.handle_timeout(now),
            }
            if let Act::Vehicle { lane, for_s } = act {
                let lane = lane.map(|lane| LaneIx::new(usize::from(lane) % junction.lanes().len()));
                let asks = lane.map(|lane| (lane, now.mono + i64::from(*for_s) * 1000));
                road.controller.handle_vehicle(asks, now.mono);
            }
            road.drain();
        }
        let mut observer = Observer::new(&junction);
        let mut interlock = Interlock::new(&junction, false);
        for shown in &road.shown {
            observer.see(shown)?;
            prop_assert_eq!(interlock.check(&shown.lamps, shown.at), Ok(()));
        }
        for cycle in &road.cycles {
            let sum: f64 = cycle.stages.iter().map(|stage| stage.green_s + stage.amber_s + stage.all_red_s).sum();
            prop_assert!((sum * 1000.0 - cycle.ended.since(cycle.started) as f64).abs() < 1.0, "{cycle:?}");
        }
        for pair in road.cycles.windows(2) {
            prop_assert_eq!(pair[0].ended, pair[1].started);
        }
    }
}

#[test]
fn a_day_takes_no_time_worth_speaking_of() {
    let mut road = Road::new(four_way());
    road.run(at(86_400.0));
    assert_eq!(road.cycles.len(), 720);
}
