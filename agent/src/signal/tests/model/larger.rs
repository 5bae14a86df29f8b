//! Junctions too large to go through every state: hours of chance events under the same rules. What is wrong shrinks to a short list of events.

use super::junctions::{Dice, Scope, furnished, spec};
use super::oracle::Rules;
use super::world::{Act, Clock, Site, World};
use flextraff_common::junction::{Junction, LaneIx, MAX_STAGES, StageIx};
use flextraff_common::wire::Mode;
use proptest::prelude::*;
use std::sync::Arc;

const SCOPE: Scope = Scope {
    plans: (3, 2, 2),
    tables: true,
    late: true,
    incidents: true,
    vehicles: true,
    cabinet: true,
    ends: true,
};
/// Within so many seconds a process that is to end shows red everywhere, or flashes.
const MOST_ENDING_S: u32 = 200;

#[derive(Clone, Debug)]
enum Event {
    Plan(usize),
    /// From now on tactical control goes to this stage of those that it may choose from, or does not answer.
    Answer(Option<usize>),
    Clock(Clock),
    Still,
    Vehicle(Option<(usize, i64)>),
    Flash(bool),
    Restart(u8),
    Panel(bool),
    Advance,
    Fault,
    /// The process is to end, and starts anew as soon as it has.
    End(u8),
}

fn events() -> impl Strategy<Value = Vec<(u16, Event)>> {
    let clocks = [Clock::Unsynced, Clock::Morning, Clock::Evening];
    let event = prop_oneof![
        5 => (0_usize..7).prop_map(Event::Plan),
        5 => prop::option::of(0_usize..16).prop_map(Event::Answer),
        1 => prop::sample::select(clocks.to_vec()).prop_map(Event::Clock),
        1 => Just(Event::Still),
        3 => prop::option::of((0_usize..32, 1_i64..120)).prop_map(Event::Vehicle),
        1 => any::<bool>().prop_map(Event::Flash),
        1 => any::<u8>().prop_map(Event::Restart),
        1 => prop::bool::weighted(0.7).prop_map(Event::Panel),
        2 => Just(Event::Advance),
        1 => Just(Event::Fault),
        1 => any::<u8>().prop_map(Event::End),
    ];
    prop::collection::vec((prop_oneof![0_u16..5, 0_u16..60, 0_u16..600], event), 1..40)
}

/// A junction with times as they are on the road.
fn large(stages: u32, groups: usize, seed: u64) -> Option<Site> {
    let mut dice = Dice(seed);
    let all = (1_u64 << stages) - 1;
    // Every stage has a group of its own, so that none is empty; the others are in one to three stages.
    let sharing: Vec<u16> = (0..groups)
        .map(|at| {
            let more = (0..dice.below(3)).fold(0, |mask, _| mask | 1 << dice.below(u64::from(stages)));
            ((1 << (at as u64 % u64::from(stages)) | more) & all) as u16
        })
        .collect();
    let mut spec = spec(stages, &sharing, &mut dice);
    let amber_s = [3.0, 3.1, 3.6][dice.below(3) as usize];
    (spec.signal.amber_s, spec.signal.all_red_s) = (amber_s, 1.0 + dice.below(3) as f64 / 2.0);
    spec.intergreens.iter_mut().for_each(|row| row.seconds = amber_s + dice.below(60) as f64 / 10.0);
    for stage in &mut spec.stages {
        stage.min_green_s = 5.0 + dice.below(6) as f64;
        stage.max_green_s = stage.min_green_s + dice.below(40) as f64;
    }
    spec.signal.longest_red_s = 600.0;
    let junction = Junction::build(&spec).ok()?;
    let round: u32 =
        spec.stages.iter().map(|stage| stage.min_green_s as u32 + junction.longest_clearance_s()).sum();
    let longest_red_s = (round + dice.below(120) as u32).clamp(20, 600);
    spec.signal.longest_red_s = f64::from(longest_red_s);
    let junction = Arc::new(Junction::build(&spec).ok()?);
    // Where a plan leaves out the one stage that serves several groups, those of them that have waited as long as may be get green one after
    // the other: within one round more.
    let rules = Arc::new(Rules::of(&spec, longest_red_s + round));
    let mut site = furnished(junction, rules, SCOPE, &mut dice);
    for plan in site.menu.iter_mut().filter(|plan| plan.mode == Mode::Automatic) {
        plan.offset_s = (dice.below(2) == 0).then(|| dice.below(60) as f64);
    }
    Some(site)
}

const fn second(clock: Clock) -> Act {
    Act::Second { clock, answer: None, late_ms: 0 }
}

fn run(site: &Site, events: &[(u16, Event)]) -> Result<(), String> {
    let (mut clock, mut wanted, mut dice) = (Clock::Unsynced, None, Dice(0));
    let mut world = World::new(site)?;
    for (wait_s, event) in events {
        match event {
            Event::Plan(choice) if *choice < site.menu.len() => world.step(site, Act::Plan(*choice))?,
            Event::Restart(kept) => world.step(site, Act::Restart { kept: *kept })?,
            Event::Panel(on) => world.step(site, Act::Panel(*on))?,
            Event::Advance => world.step(site, Act::Advance)?,
            Event::Fault => {
                world.step(site, Act::Fault)?;
                world.step(site, second(clock))?;
                world.step(site, Act::Clear)?;
            }
            Event::End(kept) if world.ends_at_once() => world.step(site, Act::Restart { kept: *kept })?,
            Event::End(kept) => {
                world.step(site, Act::End)?;
                for _ in 0..MOST_ENDING_S {
                    if !world.controller.has_ended(world.now) {
                        world.step(site, second(clock))?;
                    }
                }
                let kept = *kept;
                let in_red = world.controller.has_ended(world.now);
                if !in_red && !world.controller.flashes_on_request() {
                    return Err("the process does not end".to_owned());
                }
                world.step(site, if in_red { Act::StartInRed { kept } } else { Act::Restart { kept } })?;
            }
            Event::Still if world.acts(site).contains(&Act::Still) => world.step(site, Act::Still)?,
            Event::Vehicle(asks) => {
                let lane = |lane: usize| LaneIx::new(lane % site.junction.lanes().len());
                world.step(site, Act::Vehicle(asks.map(|(at, for_s)| (lane(at), for_s))))?;
            }
            Event::Flash(wanted) => world.step(site, Act::Flash(*wanted))?,
            Event::Answer(answer) => wanted = *answer,
            Event::Clock(now) => clock = *now,
            Event::Still | Event::Plan(_) => {}
        }
        for _ in 0..*wait_s {
            let stages: Vec<StageIx> = world.controller.asks();
            let answer = wanted.filter(|_| !stages.is_empty()).map(|wanted| stages[wanted % stages.len()]);
            let late_ms = 50 * dice.below(6) as i64;
            let line = world.line();
            let second = Act::Second { clock, answer, late_ms };
            world.step(site, second).map_err(|wrong| format!("{wrong}, after {line}"))?;
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.div_ceil(8), ..ProptestConfig::default() })]

    #[test]
    fn no_junction_breaks_a_rule(stages in 2..=MAX_STAGES as u32, groups in 0_usize..=16, seed: u64, events in events()) {
        let Some(site) = large(stages, stages as usize + groups, seed) else { return Err(TestCaseError::reject("no junction")) };
        let ran = run(&site, &events);
        prop_assert!(ran.is_ok(), "{}\n{}", ran.unwrap_err(), super::explore::describe(&site));
    }
}
