//! How the loop ends when it is told to, and how the next one begins.

use super::pins::wired;
use super::*;
use crate::config::OutputConfig;
use flextraff_common::ids::BootId;
use flextraff_common::wire::ControllerState;
use std::sync::atomic::Ordering::Relaxed;

#[test]
fn the_end_comes_with_the_stage_in_red_and_the_next_start_needs_no_flash() {
    let bench = Bench::new(interlock());
    let stats = Arc::clone(&bench.stats);
    let mut left = [(2.0, LampInput::End { longest_s: 12 })].into_iter().peekable();
    let (ended, lines, events) = bench.run_fed(
        60.0,
        |_| 0.0,
        |now, inputs| {
            while let Some((_, input)) = left.next_if(|(at, _)| *at <= now) {
                inputs.try_send(input).expect("there is room");
            }
        },
    );
    ended.expect("it was told to end");
    assert_eq!(letters(&lines), ["ffff", "rrrr", "Grrr", "arrr", "rrrr"]);
    assert!((7.0..7.25).contains(&lines[3].0), "{lines:?}");
    assert!(events.contains(&LampEvent::Ended) && stats.in_order.load(Relaxed));

    let mut again = Bench::new(interlock());
    again.parts.control.controller.start_in_red(at(-12.0));
    let (ended, lines, events) = again.run(-2.0, |_| 0.0);
    ended.expect("it was told to stop");
    assert_eq!(letters(&lines), ["rrrr", "Grrr", "rrrr"], "and the interlock lets it through");
    assert!((-7.0..-6.75).contains(&lines[1].0), "after the longest clearance, 5 s: {lines:?}");
    assert!(!events.iter().any(|event| matches!(
        event,
        LampEvent::Signal(SignalEvent::Shown(shown)) if shown.state == ControllerState::Flash
    )));
}

#[test]
fn an_end_that_takes_too_long_or_is_hurried_is_red_after_amber_and_one_in_a_fault_or_at_start_up_at_once() {
    // In the first green, at start-up, in a hurry, in a fault, while a change of stages is under way, and with no time at all.
    for (asked, longest_s, hurry, fault, ends, in_order) in [
        (2.0, 3, false, false, 6.0, false),
        (-10.0, 12, false, false, -10.0, false),
        (2.0, 12, true, false, 5.0, false),
        (2.0, 12, false, true, 2.0, false),
        (26.0, 12, false, false, 30.0, true),
        (2.0, 0, false, false, 6.0, false),
        (2.0, 1, false, false, 6.0, false),
    ] {
        let mut bench = Bench::new(interlock());
        let stats = Arc::clone(&bench.stats);
        bench.parts.latched = fault.then(|| "a fault".to_owned());
        let (mut last, mut is_asked) = (0.0, false);
        let (ended, lines, _) = bench.run_fed(
            60.0,
            |_| 0.0,
            |now, inputs| {
                last = now;
                if now >= asked && !std::mem::replace(&mut is_asked, true) {
                    stats.hurry.store(hurry, Relaxed);
                    inputs.try_send(LampInput::End { longest_s }).expect("there is room");
                }
            },
        );
        ended.expect("it was told to end");
        assert!((ends..ends + 0.25).contains(&last), "{last} instead of {ends}: {lines:?}");
        assert_eq!(stats.in_order.load(Relaxed), in_order, "asked at {asked}");
        for ends in lines.windows(2).filter(|pair| pair[0].1.contains('G')) {
            assert!(ends[1].1.contains('a'), "no green ends without amber: {lines:?}");
        }
        for amber in lines.windows(2).filter(|pair| pair[0].1.contains('a')) {
            assert!(amber[1].0 - amber[0].0 > 2.9, "and none is short: {lines:?}");
        }
    }
}

/// Tells the loop to end at a moment of a clock that jumps by half a second at another; what was written, and whether it ended in order.
fn told_at(asked: f64, longest_s: u32, late: f64, bench: Bench) -> (Vec<(f64, String)>, bool) {
    let stats = Arc::clone(&bench.stats);
    let (mut is_asked, was_late) = (false, Cell::new(false));
    let jump = |now: f64| if now >= late && !was_late.replace(true) { 0.5 } else { 0.0 };
    let (ended, lines, _) = bench.run_fed(60.0, jump, |now, inputs| {
        if now >= asked && !std::mem::replace(&mut is_asked, true) {
            inputs.try_send(LampInput::End { longest_s }).expect("there is room");
        }
    });
    ended.expect("it was told to end");
    assert!(was_late.get(), "the clock has jumped");
    (lines, stats.in_order.load(Relaxed))
}

#[test]
fn a_loop_that_is_late_once_still_ends_in_order() {
    // Shortest green, amber and all red take all of the 12 s, and the signal stands still for a second of them.
    let (lines, in_order) = told_at(0.02, 12, 2.9, Bench::new(interlock()));
    assert_eq!(letters(&lines), ["ffff", "rrrr", "Grrr", "arrr", "rrrr"]);
    assert!((8.0..8.3).contains(&lines[3].0) && (11.0..11.3).contains(&lines[4].0), "{lines:?}");
    assert!(in_order);
}

#[test]
fn a_green_that_would_take_too_long_ends_through_amber_all_the_same() {
    // The shortest green, 7 s, is given up for it: amber from 5 to 8 and red from then on.
    let (lines, in_order) = told_at(0.5, 10, 0.0, Bench::new(interlock()));
    assert_eq!(letters(&lines), ["ffff", "rrrr", "Grrr", "arrr", "rrrr"]);
    let (amber, red) = (lines[3].0, lines[4].0);
    assert!((5.0..7.0).contains(&amber) && (2.9..3.1).contains(&(red - amber)), "{lines:?}");
    assert!(in_order);
}

#[test]
fn only_a_red_that_lasts_when_the_process_has_ended_spares_the_flash() {
    let of = |driver, enable_pin| OutputConfig { driver, enable_pin, ..wired() };
    let rppal = of(Driver::Rppal, None);
    let with_pins = |change: fn(&mut OutputConfig)| {
        let mut output = rppal.clone();
        change(&mut output);
        output
    };
    let boot = BootId(uuid::Uuid::from_u128(1));
    let with_virtual = of(Driver::Virtual, Some(20));
    for (what, left, begun, lasts) in [
        ("pins keep their levels", &rppal, &rppal, true),
        ("virtual lamps", &with_virtual, &with_virtual, true),
        ("the relay falls", &of(Driver::Rppal, Some(20)), &of(Driver::Rppal, Some(20)), false),
        ("the relay is new", &rppal, &of(Driver::Rppal, Some(20)), false),
        ("the relay has fallen", &of(Driver::Rppal, Some(20)), &rppal, false),
        ("lines become inputs", &of(Driver::Gpiochip, None), &of(Driver::Gpiochip, None), false),
        ("lines have become inputs", &of(Driver::Gpiochip, None), &rppal, false),
        ("another pin", &rppal, &with_pins(|output| output.pins[0].red = Some(9)), false),
        ("another level", &rppal, &with_pins(|output| output.active_high = false), false),
    ] {
        let ended = OrderlyEnd::new(left, boot, at(-13.0).mono);
        let spared = ended.is_some_and(|ended| ended.counts(begun, boot, at(-12.0).mono));
        assert_eq!(spared, lasts, "{what}");
        let mut bench = Bench::new(interlock());
        if spared {
            bench.parts.control.controller.start_in_red(at(-12.0));
        }
        let (_, lines, _) = bench.run(1.0, |_| 0.0);
        assert_eq!(letters(&lines)[0], if lasts { "rrrr" } else { "ffff" }, "{what}");
    }
}

#[test]
fn whatever_ends_the_process_in_a_green_amber_is_whole_before_red() {
    // Hurried before anybody has told it to end; told to take its time after that; and everybody gone who could tell it.
    for (late_end, all_gone) in [(false, false), (true, false), (false, true)] {
        let mut bench = Bench::new(interlock());
        let stats = Arc::clone(&bench.stats);
        let (gone, inbox) = sync_channel(4);
        if all_gone {
            bench.parts.inputs = inbox;
        }
        let (mut gone, mut is_asked) = (Some(gone), false);
        let (ended, lines, _) = bench.run_fed(
            60.0,
            |_| 0.0,
            |now, inputs| {
                if now >= 2.0 && !std::mem::replace(&mut is_asked, true) {
                    gone = None;
                    if !all_gone {
                        stats.hurry.store(true, Relaxed);
                    }
                } else if late_end && now >= 3.5 {
                    let _ = inputs.try_send(LampInput::End { longest_s: 120 });
                }
            },
        );
        ended.expect("it was told to end");
        assert_eq!(letters(&lines), ["ffff", "rrrr", "Grrr", "arrr", "rrrr"]);
        let (amber, red) = (lines[3].0, lines[4].0);
        assert!((2.9..3.1).contains(&(red - amber)) && red < 7.0, "{lines:?}");
    }
}
