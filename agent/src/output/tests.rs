use super::*;
use crate::interlock::Interlock;
use crate::signal::tests::{at, build, four_way, four_way_spec, message};
use crate::signal::{Controller, Fallback, SignalEvent};
use chrono_tz::Tz;
use flextraff_common::time::{ClockState, UnixMs};
use flextraff_common::wire::{PlanState, PlanStatus};
use std::cell::Cell;
use std::os::unix::net::UnixDatagram;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

type Written = Arc<Mutex<Vec<(MonoMs, Vec<Aspect>)>>>;

/// Keeps what was written, changes only.
struct Recorder(Written);

impl Output for Recorder {
    fn show(&mut self, lamps: &[Aspect], at: MonoMs) -> Result<(), OutputError> {
        let mut written = self.0.lock().expect("nobody panics while writing");
        if written.last().is_none_or(|(_, last)| last != lamps) {
            written.push((at, lamps.to_vec()));
        }
        Ok(())
    }
}

/// How the loop ended, when it wrote which lamps, and what it told.
type Ran = (Result<(), LampError>, Vec<(f64, String)>, Vec<LampEvent>);

struct Bench {
    parts: LampParts,
    inputs: SyncSender<LampInput>,
    events: Receiver<LampEvent>,
    written: Written,
    stats: Arc<LampStats>,
}

impl Bench {
    fn new(interlock: Interlock) -> Self {
        let fallback = Fallback::new(Vec::new(), Tz::UTC);
        let (inputs, inbox) = sync_channel(8);
        let (outbox, events) = sync_channel(64);
        let (written, stats) = (Written::default(), Arc::new(LampStats::default()));
        let parts = LampParts {
            controller: Controller::new(four_way(), fallback, at(-12.0)),
            interlock,
            output: Box::new(Recorder(Arc::clone(&written))),
            latch: None,
            latched: None,
            inputs: inbox,
            events: outbox,
            stats: Arc::clone(&stats),
        };
        Self { parts, inputs, events, written, stats }
    }

    /// Runs until `until` seconds on a clock that goes on by 50 ms at each look, a millisecond before the next tick, and by what `jump` adds.
    fn run(self, until: f64, jump: impl Fn(f64) -> f64) -> Ran {
        let now = Cell::new(-12.001);
        let feeds = Cell::new(0_u64);
        let clock = || {
            now.set(now.get() + 0.05 + jump(now.get()));
            at(now.get())
        };
        let inputs = self.inputs.clone();
        let ended = run(self.parts, &clock, &mut || {
            feeds.set(feeds.get() + 1);
            if now.get() >= until {
                inputs.try_send(LampInput::Stop).expect("the loop takes its inputs");
            }
        });
        assert!(feeds.get() > 0);
        let written = self.written.lock().expect("nobody panics while writing");
        let lines = written.iter().map(|(at, lamps)| {
            let letters = lamps.iter().map(|aspect| match aspect {
                Aspect::Green => 'G',
                Aspect::Amber => 'a',
                Aspect::FlashAmber => 'f',
                Aspect::Red => 'r',
                other => panic!("{other:?} is shown by no four-way junction"),
            });
            (at.0 as f64 / 1000.0, letters.collect())
        });
        (ended, lines.collect(), self.events.try_iter().collect())
    }
}

fn interlock() -> Interlock {
    Interlock::new(&four_way(), false)
}

fn letters(lines: &[(f64, String)]) -> Vec<&str> {
    lines.iter().map(|(_, letters)| letters.as_str()).collect()
}

#[test]
fn the_loop_shows_what_the_controller_says_and_ends_in_red() {
    let bench = Bench::new(interlock());
    let plan = message(r#"{"lane_times": [15, 15, 15, 15], "plan_id": "p"}"#);
    bench.inputs.send(LampInput::Plan(Box::new(plan.clone()))).expect("the loop is there");
    let (ended, lines, events) = bench.run(31.0, |_| 0.0);
    ended.expect("it was told to stop");
    assert_eq!(
        letters(&lines),
        ["ffff", "rrrr", "Grrr", "arrr", "rrrr", "rGrr", "rarr", "rrrr", "rrGr", "rrrr"]
    );
    for ((shown, _), due) in lines.iter().zip([-12.0, -6.0, 0.0, 10.0, 13.0, 15.0, 25.0, 28.0, 30.0]) {
        assert!((due..due + 0.25).contains(shown), "{shown} instead of {due}");
    }
    let pending = PlanStatus { plan_id: Some("p".into()), state: PlanState::Pending, reasons: Vec::new() };
    assert!(events.contains(&LampEvent::Signal(SignalEvent::Plan(pending))));
    assert!(
        events.iter().any(|event| matches!(event, LampEvent::KeepPlan { message, .. } if **message == plan))
    );
}

#[test]
fn a_late_loop_lengthens_and_never_shortens() {
    let bench = Bench::new(interlock());
    let stats = Arc::clone(&bench.stats);
    // Stalls of 0.4 s and 7 s, in amber and in all-red too.
    let stall = |now: f64| match (now * 20.0) as i64 {
        503..=505 => 7.0,
        step if step % 97 == 0 => 0.4,
        _ => 0.0,
    };
    let (ended, lines, events) = bench.run(150.0, stall);
    ended.expect("it was told to stop");
    assert!(!events.iter().any(|event| matches!(event, LampEvent::Tripped { .. })));
    assert!(stats.stood_still_s.load(std::sync::atomic::Ordering::Relaxed) >= 7);
    for pair in lines.windows(2).take(lines.len() - 2) {
        let least = match pair[0].1.as_str() {
            shown if shown.contains('a') => 2.75,
            shown if shown.contains('G') => 24.7,
            _ => 1.7,
        };
        assert!(pair[1].0 - pair[0].0 >= least, "{pair:?}");
    }
}

#[test]
fn a_trip_shows_the_fault_aspect_and_is_kept() {
    let folder = tempfile::tempdir().expect("a folder");
    let latch = FaultLatch::beside(&folder.path().join("outbox.db"));
    assert_eq!(latch.read(), None);
    let mut stricter = four_way_spec();
    stricter.signal.amber_s = 4.0;
    let mut bench = Bench::new(Interlock::new(&build(&stricter), false));
    bench.parts.latch = Some(LatchWriter::start(latch.clone()).expect("a thread"));
    let stats = Arc::clone(&bench.stats);
    let (ended, lines, events) = bench.run(60.0, |_| 0.0);
    ended.expect("a trip does not end the loop");
    assert_eq!(letters(&lines), ["ffff", "rrrr", "Grrr", "arrr", "ffff", "rrrr"], "until it is stopped");
    assert_eq!(stats.interlock_trips.load(std::sync::atomic::Ordering::Relaxed), 1);
    let tripped = events.iter().find_map(|event| match event {
        LampEvent::Tripped { reason, .. } => Some(reason.clone()),
        _ => None,
    });
    let kept = latch.read().expect("kept before the loop ends");
    assert!(kept.reason.starts_with("the amber of group \"N\" was to end after "), "{}", kept.reason);
    assert_eq!(tripped, Some(kept.reason.clone()));

    let mut again = Bench::new(interlock());
    again.parts.latched = Some(kept.reason);
    let (_, lines, _) = again.run(30.0, |_| 0.0);
    assert_eq!(letters(&lines), ["ffff", "rrrr"], "after a restart, too");
    latch.clear().expect("removed");
    assert_eq!(latch.read(), None);
    latch.clear().expect("nothing to remove is fine");
}

#[test]
fn the_parts_can_go_to_a_thread() {
    fn goes<T: Send>() {}
    goes::<LampParts>();
}

#[test]
fn a_panic_ends_in_red() {
    let bench = Bench::new(interlock());
    let (ended, lines, _) = bench.run(60.0, |now| if now > 5.0 { panic!("a defect") } else { 0.0 });
    assert_eq!(ended.expect_err("it panicked").to_string(), "the lamp loop has failed: a defect");
    assert_eq!(letters(&lines), ["ffff", "rrrr", "Grrr", "rrrr"]);
}

#[test]
fn nobody_taking_events_costs_events_only() {
    let mut bench = Bench::new(interlock());
    let (events, _nobody) = sync_channel(0);
    bench.parts.events = events;
    let stats = Arc::clone(&bench.stats);
    let (ended, lines, _) = bench.run(31.0, |_| 0.0);
    ended.expect("it was told to stop");
    assert_eq!(lines.len(), 7);
    assert_eq!(stats.events_dropped.load(std::sync::atomic::Ordering::Relaxed), 6);
}

#[test]
fn a_broken_fault_file_is_a_fault_and_the_first_fault_stays() {
    let folder = tempfile::tempdir().expect("a folder");
    let latch = FaultLatch::beside(&folder.path().join("outbox.db"));
    let fault =
        |reason: &str| LatchedFault { reason: reason.into(), at: UnixMs(0), clock: ClockState::Synced };
    latch.write(&fault("first")).expect("written");
    latch.write(&fault("second")).expect("nothing to do");
    assert_eq!(latch.read(), Some(fault("first")));
    std::fs::write(latch.path(), "").expect("written");
    assert!(latch.read().is_some_and(|fault| fault.reason.contains("cannot be read")));
    let nowhere = FaultLatch::beside(&folder.path().join("gone/outbox.db"));
    let error = nowhere.write(&fault("x")).expect_err("no such folder").to_string();
    assert!(error.starts_with("the fault file ") && error.contains("cannot be written"), "{error}");
}

#[test]
fn the_virtual_output_tells_whoever_listens() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("lamps.sock");
    let mut output = VirtualOutput::open(&four_way(), Some(&path)).expect("a socket");
    let red = all_red(4);
    output.show(&red, MonoMs(0)).expect("nobody listening is fine");
    let listener = UnixDatagram::bind(&path).expect("a listener");
    listener.set_read_timeout(Some(Duration::from_secs(5))).expect("a deadline");
    let mut green = red.clone();
    green[0] = Aspect::Green;
    for (lamps, at) in [(&red, 950), (&green, 1000), (&green, 1050), (&green, 2000)] {
        output.show(lamps, MonoMs(at)).expect("never fails");
    }
    let mut bytes = [0; 256];
    let mut next = || {
        let length = listener.recv(&mut bytes).expect("a datagram in time");
        String::from_utf8_lossy(&bytes[..length]).into_owned()
    };
    assert_eq!(next(), r#"{"mono_ms":1000,"lamps":{"E":"red","N":"green","S":"red","W":"red"}}"#);
    assert!(next().starts_with(r#"{"mono_ms":2000"#), "an unchanged vector once a second");
    for second in 3..2000 {
        output.show(&red, MonoMs(second * 1000)).expect("a listener that does not read never blocks");
    }
}

#[test]
fn a_machine_without_gpio_says_so() {
    let pins = vec![crate::config::GroupPins { red: Some(17), amber: Some(27), green: Some(22) }; 4];
    let config = |driver| OutputConfig { driver, active_high: true, pins: pins.clone(), socket: None };
    let error = |driver| open(&config(driver), &four_way()).err().map(|error| error.to_string());
    if RppalOutput::open(&four_way(), &[], true).is_err() {
        let text = error(Driver::Rppal).expect("no GPIO");
        assert!(text.starts_with("GPIO is not available here: "), "{text}");
        assert!(text.ends_with("use [output] driver = \"virtual\" on a machine without lamps"), "{text}");
    }
    assert!(error(Driver::Gpiochip).is_some_and(|text| text.contains("\"gpiochip\" is not built")));
    assert_eq!(error(Driver::Virtual), None);
}
