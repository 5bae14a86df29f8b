//! An override that was ended, or another one took the place of, holds nowhere any more: also where the message that says so was missed.

use super::*;

const TWELVE_HOURS: i64 = 12 * 3_600_000;

/// The plans that a device holds, one of each mode, as the agent keeps them.
#[derive(Default)]
struct Device {
    held: BTreeMap<Mode, (GreenTime, UnixMs)>,
}

impl Device {
    fn hears(&mut self, plans: Vec<GreenTime>, now: UnixMs) {
        for plan in plans {
            if plan.ends_override {
                self.held.retain(|mode, _| *mode == Mode::Automatic);
            }
            let valid_ms = plan.valid_s.map_or(0, |valid_s| (valid_s * 1000.0) as i64);
            self.held.insert(plan.mode, (plan, now + valid_ms));
        }
    }

    /// Whose plan counts.
    fn follows(&self, now: UnixMs) -> Option<Mode> {
        let holds = |mode: &Mode| self.held.get(mode).is_some_and(|(_, until)| *until > now);
        [Mode::Emergency, Mode::ManualOverride, Mode::Automatic].into_iter().find(holds)
    }
}

fn minute(minute: i64) -> UnixMs {
    START + minute * 60_000
}

fn of(mode: Mode, id: u128, until: UnixMs) -> Override {
    let stage = |name: &str| flextraff_common::wire::StageTime {
        stage: name.into(),
        green_s: 15.0,
        ..flextraff_common::wire::StageTime::default()
    };
    let times = match mode {
        Mode::Emergency => OverrideTimes::Stages(vec![stage("E")]),
        _ => OverrideTimes::Stages(["N", "S", "E", "W"].map(stage).to_vec()),
    };
    Override { id: Uuid::from_u128(id), mode, times, until, reason: None }
}

/// A junction whose device is online and knows of an override for twelve hours.
fn overridden() -> (Planner, Device) {
    let (mut planner, mut device) = (planner(), Device::default());
    planner.handle_status(J, &status(true, None), START);
    let wanted = of(Mode::ManualOverride, 1, START + TWELVE_HOURS);
    planner.start_override(J, wanted, START).expect("it keeps the rules");
    device.hears(sent(&mut planner), START);
    assert_eq!(device.follows(START), Some(Mode::ManualOverride));
    (planner, device)
}

#[test]
fn a_device_that_was_away_when_it_ended_learns_it_when_it_comes_back() {
    let (mut planner, mut device) = overridden();
    planner.handle_status(J, &status(false, None), minute(1));
    planner.end_override(J, minute(2)).expect("the junction is known");
    sent(&mut planner);
    planner.handle_status(J, &status(true, None), minute(3));
    device.hears(sent(&mut planner), minute(3));
    assert_eq!(device.follows(minute(4)), Some(Mode::Automatic));
}

#[test]
fn an_end_that_the_broker_missed_is_said_again_until_its_time_is_over() {
    let (mut planner, mut device) = overridden();
    planner.end_override(J, minute(2)).expect("the junction is known");
    sent(&mut planner);
    // Its message was older than it may be when the broker came back, or had found no room.
    planner.greet_again();
    planner.handle_timeout(minute(30));
    device.hears(sent(&mut planner), minute(30));
    assert_eq!(device.follows(minute(30)), Some(Mode::Automatic));
    // Nor does it take a greeting: the next plan that renews the last says it, too.
    let mut says = Vec::new();
    for at in 31..800 {
        planner.handle_timeout(minute(at));
        says.extend(sent(&mut planner).into_iter().map(|plan| (at < 720, plan.ends_override)));
    }
    assert!(says.len() > 60 && says.iter().all(|(lasts, ends)| lasts == ends), "{says:?}");
}

#[test]
fn an_end_that_another_server_has_made_is_said_to_whom_this_one_had_sent_the_override() {
    let (mut planner, mut device) = overridden();
    planner.learn_override(J, None, Ended::default(), minute(2));
    planner.handle_timeout(minute(2));
    device.hears(sent(&mut planner), minute(2));
    assert_eq!(device.follows(minute(2)), Some(Mode::Automatic));
    // By way of a site that the database describes anew, it is the same.
    let (mut planner, mut device) = overridden();
    let limits = Limits { min_cycle_s: 30, max_cycle_s: 120 };
    planner.add_site(Site::new(junction(), limits, 60, None, minute(2)));
    planner.learn_override(J, None, Ended::default(), minute(2));
    planner.handle_timeout(minute(2));
    device.hears(sent(&mut planner), minute(2));
    assert_eq!(device.follows(minute(2)), Some(Mode::Automatic));
}

#[test]
fn what_was_ended_before_this_server_started_is_ended_where_it_was_missed() {
    let (_, mut device) = overridden();
    let mut planner = planner();
    planner.handle_status(J, &status(true, None), minute(3));
    device.hears(sent(&mut planner), minute(3));
    let mut ended = Ended::default();
    ended.note(Mode::ManualOverride, START + TWELVE_HOURS);
    planner.learn_override(J, None, ended, minute(4));
    planner.handle_timeout(minute(4));
    device.hears(sent(&mut planner), minute(4));
    assert_eq!(device.follows(minute(4)), Some(Mode::Automatic));
    planner.learn_override(J, None, ended, minute(5));
    planner.handle_timeout(minute(5));
    assert!(sent(&mut planner).is_empty(), "that is no news");
}

#[test]
fn one_of_another_mode_takes_the_place_of_what_runs_and_what_it_replaced_never_comes_back() {
    for (first, second) in [(Mode::ManualOverride, Mode::Emergency), (Mode::Emergency, Mode::ManualOverride)]
    {
        let (mut planner, mut device) = (planner(), Device::default());
        planner.handle_status(J, &status(true, None), START);
        planner.start_override(J, of(first, 1, minute(15)), START).expect("it keeps the rules");
        device.hears(sent(&mut planner), START);
        planner.start_override(J, of(second, 2, minute(5)), minute(1)).expect("it keeps the rules");
        let plans = sent(&mut planner);
        let modes: Vec<_> = plans.iter().map(|plan| (plan.mode, plan.ends_override)).collect();
        assert_eq!(modes, [(Mode::Automatic, true), (second, false)], "the end first");
        device.hears(plans, minute(1));
        assert_eq!(device.follows(minute(1)), Some(second));
        for at in 2..5 {
            planner.handle_timeout(minute(at));
            device.hears(sent(&mut planner), minute(at));
            assert_eq!(device.follows(minute(at)), Some(second), "no plan of the planner ends what runs");
        }
        assert_eq!(device.follows(minute(6)), Some(Mode::Automatic));
    }
}

#[test]
fn whoever_comes_back_while_one_of_another_mode_runs_follows_that_one_only() {
    let (mut planner, mut device) = overridden();
    planner.handle_status(J, &status(false, None), minute(1));
    planner.start_override(J, of(Mode::Emergency, 2, minute(10)), minute(2)).expect("it keeps the rules");
    sent(&mut planner);
    planner.handle_status(J, &status(true, None), minute(3));
    device.hears(sent(&mut planner), minute(3));
    assert_eq!(device.follows(minute(3)), Some(Mode::Emergency));
    assert_eq!(device.follows(minute(11)), Some(Mode::Automatic));
}

#[test]
fn another_one_of_the_same_mode_needs_no_end_between() {
    let (mut planner, _) = overridden();
    planner
        .start_override(J, of(Mode::ManualOverride, 2, minute(10)), minute(1))
        .expect("it keeps the rules");
    let plans = sent(&mut planner);
    assert_eq!(plans.iter().map(|plan| plan.mode).collect::<Vec<_>>(), [Mode::ManualOverride]);
}
