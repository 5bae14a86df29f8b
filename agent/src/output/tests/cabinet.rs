//! The switches in the cabinet, from the levels of their pins to the lamps.

use super::driven::{Kept, four_way_pins};
use super::pins::Memory;
use super::*;
use crate::config::InputConfig;
use flextraff_common::wire::SignalControl;

/// Lamps without feedback, and every switch.
fn bench() -> (Bench, Memory) {
    let input = InputConfig {
        panel: Some(22),
        advance: Some(23),
        flash: Some(24),
        door: Some(25),
        ..InputConfig::default()
    };
    let config = OutputConfig { feedback: Vec::new(), input, ..four_way_pins() };
    let (mut bench, memory) = (Bench::new(interlock()), Memory::default());
    let names = ["N", "S", "E", "W"].map(str::to_owned);
    let output = PinOutput::new(memory.clone(), Pins::new(&config, &names));
    bench.parts.output = Box::new(Kept(Box::new(output), Arc::clone(&bench.written)));
    (bench, memory)
}

/// The switches that are on from each moment on, in the order of [`Switches`].
type Course<'a> = &'a [(f64, [bool; 4])];

const OFF: [bool; 4] = [false; 4];
const PANEL: [bool; 4] = [true, false, false, false];
const ADVANCE: [bool; 4] = [true, true, false, false];
const FLASH: [bool; 4] = [false, false, true, false];
const DOOR: [bool; 4] = [false, false, false, true];

fn run_with(bench: Bench, memory: &Memory, course: Course<'_>, asks: &[(f64, LampAsk)], until: f64) -> Ran {
    let mut left = asks.iter().peekable();
    bench.run_fed(
        until,
        |_| 0.0,
        |now, inputs| {
            let state = course.iter().rev().find(|(from, _)| *from <= now).map_or(OFF, |(_, on)| *on);
            memory.state().inputs = state.map(|on| !on).to_vec();
            while let Some((_, ask)) = left.next_if(|(at, _)| *at <= now) {
                inputs.try_send(LampInput::Ask { id: 0, ask: *ask }).expect("there is room");
            }
        },
    )
}

fn switched(events: &[LampEvent]) -> Vec<Switches> {
    let switched = events.iter().filter_map(|event| match event {
        LampEvent::Switched(switches) => Some(*switches),
        _ => None,
    });
    switched.collect()
}

/// Events of these codes in the high-resolution log: time in seconds, code and parameter.
fn logged(events: &[LampEvent], codes: &[u16]) -> Vec<(f64, u16, u32)> {
    let signals = events.iter().filter_map(|event| match event {
        LampEvent::Signal(SignalEvent::Logged(events)) => Some(events),
        _ => None,
    });
    let of_codes = signals.flatten().filter(|event| codes.contains(&event.code));
    of_codes.map(|event| (event.at.0 as f64 / 1000.0, event.code, event.parameter)).collect()
}

fn answers(events: &[LampEvent]) -> Vec<bool> {
    let answers = events.iter().filter_map(|event| match event {
        LampEvent::Answered { answer, .. } => Some(answer.is_ok()),
        _ => None,
    });
    answers.collect()
}

#[test]
fn the_panel_goes_from_stage_to_stage() {
    let (bench, memory) = bench();
    let course = [(2.0, PANEL), (40.0, ADVANCE), (40.3, PANEL), (80.0, OFF)];
    let (ended, lines, events) = run_with(bench, &memory, &course, &[], 90.0);
    ended.expect("it was told to stop");
    assert_eq!(letters(&lines)[2..6], ["Grrr", "arrr", "rrrr", "rGrr"]);
    assert!((41.0..41.25).contains(&lines[3].0), "{lines:?}");
    assert!((81.0..83.0).contains(&lines[6].0), "the fallback's 25 s are over: {lines:?}");
    let controls: Vec<SignalControl> = events
        .iter()
        .filter_map(|event| match event {
            LampEvent::Signal(SignalEvent::Shown(shown)) => Some(shown.control),
            _ => None,
        })
        .collect();
    assert!(controls.contains(&SignalControl::Panel));
    assert_eq!(controls.last(), Some(&SignalControl::Fallback));
    let panel = Switches { panel: true, ..Switches::default() };
    assert_eq!(switched(&events), [panel, Switches { advance: true, ..panel }, panel, Switches::default()]);
    // The panel decides from the next second on; its button is told when it has settled.
    let logged = logged(&events, &[178, 179]);
    assert_eq!(
        logged.iter().map(|(_, code, value)| (*code, *value)).collect::<Vec<_>>(),
        [(178, 1), (179, 1), (179, 0), (178, 0)]
    );
    let times = [3.0, 40.1, 40.4, 81.0];
    assert!(logged.iter().zip(times).all(|((at, ..), due)| (at - due).abs() < 0.1), "{logged:?}");
    assert!(!events.iter().any(|event| matches!(event, LampEvent::Tripped { .. })));
}

#[test]
fn what_bounces_presses_nothing() {
    let (bench, memory) = bench();
    let mut course = vec![(2.0, PANEL)];
    for spike in 0..200 {
        course.push((20.0 + 0.2 * f64::from(spike), ADVANCE));
        course.push((20.05 + 0.2 * f64::from(spike), PANEL));
    }
    let (ended, lines, _) = run_with(bench, &memory, &course, &[], 70.0);
    ended.expect("it was told to stop");
    assert_eq!(letters(&lines), ["ffff", "rrrr", "Grrr", "rrrr"], "red at the end");
}

#[test]
fn the_flash_switch_goes_through_amber_and_start_up_and_nobody_else_ends_it() {
    let (bench, memory) = bench();
    let course = [(3.0, FLASH), (30.0, OFF)];
    let flash = |on| LampAsk::Flash { on };
    let asks = [(20.0, flash(false)), (25.0, flash(true)), (50.0, flash(false))];
    let (ended, lines, events) = run_with(bench, &memory, &course, &asks, 70.0);
    ended.expect("it was told to stop");
    assert_eq!(letters(&lines), ["ffff", "rrrr", "Grrr", "arrr", "rrrr", "ffff", "rrrr", "Grrr", "rrrr"]);
    assert!((7.0..7.25).contains(&lines[3].0) && (12.0..12.25).contains(&lines[5].0), "{lines:?}");
    assert!((57.0..57.25).contains(&lines[6].0), "somebody else still wanted it: {lines:?}");
    assert_eq!(answers(&events), [false, true, true]);
    let flashes: Vec<u32> = logged(&events, &[173]).into_iter().map(|(.., state)| state).collect();
    assert_eq!(flashes, [7, 2, 4, 7, 2], "start-up, operation, by hand, start-up, operation");
    assert_eq!(logged(&events, &[174]).iter().map(|(.., bits)| *bits).collect::<Vec<_>>(), [32, 0]);
    assert!(!events.iter().any(|event| matches!(event, LampEvent::Tripped { .. })));
}

#[test]
fn a_door_changes_no_lamp_and_what_cannot_be_read_is_no_switch() {
    let (bench, memory) = bench();
    let (ended, lines, events) = run_with(bench, &memory, &[(1.0, DOOR)], &[], 5.0);
    ended.expect("it was told to stop");
    assert_eq!(switched(&events), [Switches { door: true, ..Switches::default() }]);
    assert_eq!(logged(&events, &[175]).iter().map(|(.., bits)| *bits).collect::<Vec<_>>(), [1]);
    assert_eq!(letters(&lines), ["ffff", "rrrr", "Grrr", "rrrr"]);
    let (mut bench, memory) = self::bench();
    assert_eq!(bench.parts.output.switches(), Some(Switches::default()), "where nothing is connected");
    memory.state().broken = true;
    assert_eq!(bench.parts.output.switches(), None);
}

#[test]
fn in_a_fault_the_door_is_still_seen_and_flash_waits() {
    let (mut bench, memory) = bench();
    bench.parts.latched = Some("a fault".to_owned());
    let course = [(-10.0, DOOR), (-8.0, [true, false, true, true]), (20.0, DOOR)];
    let asks = [(-5.0, LampAsk::ClearFault)];
    let (ended, lines, events) = run_with(bench, &memory, &course, &asks, 40.0);
    ended.expect("it was told to stop");
    assert_eq!(switched(&events).len(), 3);
    let door = logged(&events, &[175]);
    assert!(door.len() == 1 && door[0].0 < -9.0, "told while the fault lasts: {door:?}");
    assert_eq!(letters(&lines), ["ffff", "rrrr", "Grrr", "rrrr"]);
    assert!((33.0..33.25).contains(&lines[2].0), "flash until the switch is off, then start-up: {lines:?}");
}
