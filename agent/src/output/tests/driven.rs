//! The loop on lines in memory: master enable, feedback and requests.

use super::pins::{Memory, wired};
use super::*;
use crate::config::GroupPins;
use crate::output::lamp_loop::LampAsk;

/// Pins 0 to 11 are the lamps, red, amber, green of N, S, E, W.
pub(super) fn four_way_pins() -> OutputConfig {
    let group =
        |head: u8| GroupPins { red: Some(head * 3), amber: Some(head * 3 + 1), green: Some(head * 3 + 2) };
    let pins: Vec<GroupPins> = (0..4).map(group).collect();
    OutputConfig { feedback: pins.clone(), pins, ..wired() }
}

/// Changes what the feedback of a moment shows.
type Falsify = Box<dyn FnMut(MonoMs, &mut [bool]) + Send>;

/// A loop whose feedback shows what was written, but for what `falsify` does to it.
struct Echo {
    output: PinOutput<Memory>,
    memory: Memory,
    falsify: Falsify,
    at: MonoMs,
}

impl Output for Echo {
    fn show(&mut self, frame: &Frame<'_>) -> Result<(), OutputError> {
        self.output.show(frame)?;
        self.at = frame.at;
        Ok(())
    }

    fn seen(&mut self) -> Result<Vec<crate::interlock::HeadSeen>, OutputError> {
        let mut levels = vec![false; 12];
        for (pin, level) in self.memory.state().writes.last().into_iter().flatten() {
            if let Some(seen) = levels.get_mut(usize::from(*pin)) {
                *seen = *level;
            }
        }
        (self.falsify)(self.at, &mut levels);
        self.memory.state().inputs = levels;
        self.output.seen()
    }

    fn last_resort(&self) -> Option<Box<dyn LastResort>> {
        self.output.last_resort()
    }
}

/// A bench whose lamps are lines in memory.
fn bench(falsify: impl FnMut(MonoMs, &mut [bool]) + Send + 'static) -> (Bench, Memory) {
    let mut bench = Bench::new(interlock());
    let memory = Memory::default();
    let output = PinOutput::new(memory.clone(), Pins::new(&four_way_pins(), &names()));
    let echo = Echo { output, memory: memory.clone(), falsify: Box::new(falsify), at: MonoMs(0) };
    bench.parts.output = Box::new(Kept(Box::new(echo), Arc::clone(&bench.written)));
    (bench, memory)
}

/// Drives lamps and keeps the vectors.
pub(super) struct Kept(pub(super) Box<dyn Output>, pub(super) Written);

impl Output for Kept {
    fn show(&mut self, frame: &Frame<'_>) -> Result<(), OutputError> {
        self.0.show(frame)?;
        Recorder(Arc::clone(&self.1)).show(frame)
    }

    fn seen(&mut self) -> Result<Vec<crate::interlock::HeadSeen>, OutputError> {
        self.0.seen()
    }

    fn switches(&mut self) -> Option<Switches> {
        self.0.switches()
    }
}

pub(super) fn pin_of(levels: &[(u8, bool)], pin: u8) -> bool {
    levels.contains(&(pin, true))
}

#[test]
fn the_master_enable_changes_at_each_tick_and_rests_in_a_fault() {
    let (bench, memory) = bench(|_, _| {});
    let (ended, _, _) = bench.run(2.0, |_| 0.0);
    ended.expect("it was told to stop");
    let levels: Vec<bool> = memory.state().writes.iter().map(|write| pin_of(write, 20)).collect();
    let (end, driven) = levels.split_last().expect("written");
    assert!(driven.len() > 120 && driven.windows(2).all(|pair| pair[0] != pair[1]));
    assert!(!end, "red at the end is shown without it");

    for on_fault in [false, true] {
        let (mut bench, memory) = self::bench(|_, _| {});
        bench.parts.latched = Some("a fault".to_owned());
        bench.parts.enable_on_fault = on_fault;
        bench.run(-6.0, |_| 0.0).0.expect("it was told to stop");
        let changes =
            memory.state().writes.windows(2).any(|pair| pin_of(&pair[0], 20) != pin_of(&pair[1], 20));
        assert_eq!(changes, on_fault);
    }
}

#[test]
fn a_loop_that_hangs_or_fails_to_write_leaves_the_master_enable_alone() {
    let (bench, memory) = bench(|_, _| {});
    let breaks = memory.clone();
    let (ended, _, _) = bench.run(5.0, move |now| {
        breaks.state().broken = now > 1.0;
        0.0
    });
    let error = ended.expect_err("the lines are gone").to_string();
    assert!(error.contains("/dev/gpiochip9 cannot be set: it was unplugged"), "{error}");
    let count = memory.state().writes.len();
    assert!((120..=140).contains(&count), "{count}: nothing was written any more");
}

#[test]
fn a_lamp_that_shows_something_else_trips_and_is_kept() {
    // The red lamp of S stays dark from 3 s on.
    let (bench, _) = bench(|at, levels| {
        if at.0 >= 3000 {
            levels[3] = false;
        }
    });
    let (ended, lines, events) = bench.run(6.0, |_| 0.0);
    ended.expect("a trip does not end the loop");
    assert_eq!(letters(&lines), ["ffff", "rrrr", "Grrr", "ffff", "rrrr"]);
    assert!((3.8..=4.0).contains(&lines[3].0), "{lines:?}");
    let tripped = events.iter().filter_map(|event| match event {
        LampEvent::Tripped { reason, .. } => Some(reason.as_str()),
        _ => None,
    });
    assert_eq!(
        tripped.collect::<Vec<_>>(),
        ["the red lamp of group \"S\" has been dark for 800 ms though it was switched on"]
    );
}

#[test]
fn inputs_that_cannot_be_read_are_a_fault() {
    struct Blind;
    impl Output for Blind {
        fn show(&mut self, _: &Frame<'_>) -> Result<(), OutputError> {
            Ok(())
        }
        fn seen(&mut self) -> Result<Vec<crate::interlock::HeadSeen>, OutputError> {
            let cause = "no such device".to_owned();
            Err(ChipError::Failed { path: "/dev/gpiochip0".into(), what: "read", cause }.into())
        }
    }
    let mut bench = Bench::new(interlock());
    bench.parts.output = Box::new(Kept(Box::new(Blind), Arc::clone(&bench.written)));
    let (ended, lines, events) = bench.run(-4.0, |_| 0.0);
    ended.expect("a trip does not end the loop");
    assert_eq!(letters(&lines), ["ffff", "rrrr"], "the fault aspect, until it is stopped");
    assert!(events.iter().any(|event| matches!(event, LampEvent::Tripped { reason, .. }
        if reason == "what the lamps show cannot be read: the lines of /dev/gpiochip0 cannot be read: no such device")));
}

/// Asks at given seconds, and gives what comes of it beside the run.
fn ask(
    bench: Bench,
    until: f64,
    asks: &[(f64, LampAsk)],
) -> (Vec<(f64, String)>, Vec<String>, Vec<LampEvent>) {
    let mut left = asks.iter().enumerate().peekable();
    let (ended, lines, events) = bench.run_fed(
        until,
        |_| 0.0,
        |now, inputs| {
            while let Some((id, (_, ask))) = left.next_if(|(_, (at, _))| *at <= now) {
                inputs.try_send(LampInput::Ask { id: id as u64, ask: *ask }).expect("there is room");
            }
        },
    );
    ended.expect("it was told to stop");
    let answers = events.iter().filter_map(|event| match event {
        LampEvent::Answered { answer: Ok(text), .. } => Some(format!("ok: {text}")),
        LampEvent::Answered { answer: Err(text), .. } => Some(format!("no: {text}")),
        _ => None,
    });
    let answers = answers.collect();
    (lines, answers, events)
}

#[test]
fn flash_that_was_asked_for_before_a_restart_goes_on_until_somebody_ends_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let latch = FaultLatch::beside(&folder.path().join("outbox.db"));
    let started = |asks: &[(f64, LampAsk)]| {
        let mut bench = Bench::new(interlock());
        bench.parts.flash_asked = latch.flash_asked();
        bench.parts.latch = Some(LatchWriter::start(latch.clone()).expect("a thread"));
        ask(bench, 40.0, asks)
    };
    assert_eq!(
        letters(&started(&[(2.0, FLASH)]).0),
        ["ffff", "rrrr", "Grrr", "arrr", "rrrr", "ffff", "rrrr"]
    );
    let (lines, answers, events) = started(&[(10.0, OPERATION)]);
    assert_eq!(letters(&lines), ["ffff", "rrrr", "Grrr", "rrrr"]);
    assert!((22.0..23.25).contains(&lines[2].0), "12 s of start-up after it: {lines:?}");
    assert!(answers[0].starts_with("ok: the signal goes back into operation"), "{answers:?}");
    assert!(events.iter().any(|event| matches!(event, LampEvent::Shows(LampsShow::Flash))));
    assert!(!latch.flash_asked(), "and that is kept, too");
    assert!((0.0..0.25).contains(&started(&[]).0[2].0));
    // A disk that takes nothing.
    let sockets = tempfile::tempdir().expect("a folder");
    let latch = FaultLatch::beside(Path::new("/dev/null/outbox.db"))
        .with_copy_beside(&sockets.path().join("agent.sock"));
    assert!(
        latch.keep_flash(true).is_err() && latch.flash_asked(),
        "told, and kept until the machine starts anew"
    );
}

const FLASH: LampAsk = LampAsk::Flash { on: true };
const OPERATION: LampAsk = LampAsk::Flash { on: false };
const TEST: LampAsk = LampAsk::Test { at_cabinet: true };

#[test]
fn flash_comes_through_the_clearances_and_goes_through_start_up() {
    let asks = [(2.0, FLASH), (3.0, FLASH), (20.0, OPERATION), (21.0, OPERATION)];
    let (lines, answers, events) = ask(Bench::new(interlock()), 40.0, &asks);
    assert_eq!(letters(&lines), ["ffff", "rrrr", "Grrr", "arrr", "rrrr", "ffff", "rrrr", "Grrr", "rrrr"]);
    // The shortest green is 7 s, amber 3 s, all red 2 s; start-up begins with the next whole second, 6 s and 6 s.
    for ((shown, _), due) in lines.iter().skip(3).zip([7.0, 10.0, 12.0, 27.0, 33.0]) {
        assert!((due..due + 0.25).contains(shown), "{lines:?}");
    }
    assert!(answers[0].starts_with("ok: the signal goes to flash"), "{answers:?}");
    assert!(answers[1].starts_with("ok: the signal flashes already"));
    assert!(answers[2].starts_with("ok: the signal goes back into operation"));
    assert!(answers[3].starts_with("ok: nobody has asked for flash"));
    assert!(!events.iter().any(|event| matches!(event, LampEvent::Tripped { .. })));
    let shows: Vec<LampsShow> = events
        .iter()
        .filter_map(|event| match event {
            LampEvent::Shows(shows) => Some(*shows),
            _ => None,
        })
        .collect();
    assert_eq!(shows, [LampsShow::ToFlash, LampsShow::Flash, LampsShow::Signal]);
}

#[test]
fn lamps_are_tested_in_flash_only_one_after_the_other() {
    // The amber lamp of S is out; in flash that would trip, so that it is out during the test only.
    let (bench, memory) = bench(|at, levels| levels[4] &= !(15_100..27_000).contains(&at.0));
    let asks = [(1.0, TEST), (2.0, FLASH), (8.0, TEST), (15.0, TEST), (40.0, LampAsk::Identify)];
    let mut left = asks.iter().peekable();
    let mut marks = Vec::new();
    let inside = memory.clone();
    let (ended, events) = bench_run(bench, 31.0, |now, inputs| {
        while let Some((_, ask)) = left.next_if(|(at, _)| *at <= now) {
            inputs.try_send(LampInput::Ask { id: 0, ask: *ask }).expect("there is room");
        }
        let state = inside.state();
        let last = state.writes.last().expect("written");
        let lit: Vec<u8> = last.iter().filter(|(pin, lit)| *pin < 12 && *lit).map(|(pin, _)| *pin).collect();
        if (15.2..26.9).contains(&now) {
            marks.extend(lit);
        } else if now > 28.0 {
            assert!(lit.is_empty() || lit == [1, 4, 7, 10], "flash again: {lit:?}");
        }
    });
    ended.expect("it was told to stop");
    marks.dedup();
    assert_eq!(marks, (0..12).collect::<Vec<u8>>(), "each alone, red, amber and green of each head");
    let answers: Vec<bool> = events
        .iter()
        .filter_map(|event| match event {
            LampEvent::Answered { answer, .. } => Some(answer.is_ok()),
            _ => None,
        })
        .collect();
    assert_eq!(answers, [false, true, false, true], "in operation and on the way to flash it is refused");
    let found = vec!["the amber lamp of group \"S\" did not light".to_owned()];
    assert!(events.contains(&LampEvent::Tested { found }));
    assert!(!events.iter().any(|event| matches!(event, LampEvent::Tripped { .. })));
}

/// As [`Bench::run_fed`], for lamp vectors that no four-way junction shows in operation.
fn bench_run(
    bench: Bench,
    until: f64,
    mut fed: impl FnMut(f64, &SyncSender<LampInput>),
) -> (Result<(), LampError>, Vec<LampEvent>) {
    let now = Cell::new(-12.001);
    let (inputs, events) = (bench.inputs.clone(), bench.events);
    let ended = run(bench.parts, &|| at(now.get()), &|_| Duration::ZERO, &mut || {
        now.set(now.get() + 0.05);
        fed(now.get(), &inputs);
        if now.get() >= until {
            inputs.try_send(LampInput::Stop).expect("the loop takes its inputs");
        }
    });
    (ended, events.try_iter().collect())
}

#[test]
fn a_test_that_the_signal_overtakes_ends_without_a_trip() {
    let (bench, _) = bench(|_, _| {});
    let asks = [(2.0, FLASH), (15.0, TEST), (20.0, OPERATION)];
    let mut left = asks.iter().peekable();
    let (ended, events) = bench_run(bench, 40.0, |now, inputs| {
        while let Some((_, ask)) = left.next_if(|(at, _)| *at <= now) {
            inputs.try_send(LampInput::Ask { id: 0, ask: *ask }).expect("there is room");
        }
    });
    ended.expect("it was told to stop");
    assert!(!events.iter().any(|event| matches!(event, LampEvent::Tripped { .. })));
    let greens = events.iter().filter(|event| {
        matches!(event, LampEvent::Signal(SignalEvent::Shown(shown)) if shown.lamps[0] == Aspect::Green)
    });
    assert_eq!(greens.count(), 2, "in operation again");
}

#[test]
fn a_fault_allows_a_test_at_the_cabinet_and_is_cleared_into_start_up() {
    let mut bench = Bench::new(interlock());
    bench.parts.latched = Some("a fault".to_owned());
    let asks = [
        (-11.0, FLASH),
        (-10.0, LampAsk::Test { at_cabinet: false }),
        (-9.0, LampAsk::Identify),
        (-5.0, LampAsk::ClearFault),
    ];
    let (lines, answers, events) = ask(bench, 15.0, &asks);
    assert_eq!(letters(&lines), ["ffff", "rrrr", "Grrr", "rrrr"]);
    assert!((8.0..8.25).contains(&lines[2].0), "12 s of start-up after it: {lines:?}");
    assert!(answers[0].starts_with("no: a fault is latched; clear it first"), "{answers:?}");
    assert!(answers[1].starts_with("no: a fault is latched; then lamps are tested at the cabinet only"));
    assert!(answers[2].starts_with("no: nothing can blink here; name an identify_pin"));
    assert_eq!(answers[3], "ok: the signal starts up");
    assert_eq!(events.iter().filter(|event| matches!(event, LampEvent::Cleared)).count(), 1);
}

#[test]
fn a_controller_that_fails_in_a_fault_changes_nothing_about_the_flash() {
    let (mut bench, memory) = bench(|_, _| {});
    bench.parts.latched = Some("a fault".to_owned());
    bench.parts.control.defect = |now| assert!(now.0 < -8000, "a defect");
    let (ended, events) = bench_run(bench, 48.0, |_, _| {});
    ended.expect("the loop goes on");
    let told = |event: &LampEvent| matches!(event, LampEvent::Defect { reason } if reason == "a defect");
    assert_eq!(events.iter().filter(|event| told(event)).count(), 1);
    let state = memory.state();
    let lit: Vec<bool> = state.writes.iter().map(|write| pin_of(write, 1)).collect();
    let flashes = lit.windows(2).filter(|pair| !pair[0] && pair[1]).count();
    assert!((54..=56).contains(&flashes), "{flashes} in 60 s");
    let share = lit.iter().filter(|lit| **lit).count() as f64 / lit.len() as f64;
    assert!((0.48..0.52).contains(&share), "{share}");
}
