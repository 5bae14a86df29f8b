mod cabinet;
mod driven;
mod ending;
mod guarded;
mod pins;
mod reads;
mod slow;

use super::*;
use crate::config;
use crate::control::Control;
use crate::interlock::Interlock;
use crate::reader::Read;
use crate::signal::SignalEvent;
use crate::signal::tests::{at, build, four_way, four_way_spec, message};
use flextraff_common::junction::LaneIx;
use flextraff_common::time::{ClockState, Moment, UnixMs};
use flextraff_common::wire::{Demand, PlanState, PlanStatus, ZoneName};
use std::cell::Cell;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// The four-way junction of the other tests, with a reader at each stop line.
const TOML: &str = r#"
[junction]
id = "00000000-0000-0000-0000-000000000001"
[device]
id = "00000000-0000-4000-8000-0000000000d1"
[[lane]]
id = "00000000-0000-4000-8000-00000000000a"
name = "N"
[[lane]]
id = "00000000-0000-4000-8000-00000000000b"
name = "S"
[[lane]]
id = "00000000-0000-4000-8000-00000000000c"
name = "E"
[[lane]]
id = "00000000-0000-4000-8000-00000000000d"
name = "W"
[[stage]]
name = "N"
lanes = ["N"]
[[stage]]
name = "S"
lanes = ["S"]
[[stage]]
name = "E"
lanes = ["E"]
[[stage]]
name = "W"
lanes = ["W"]
[[reader]]
name = "mast"
port = "virtual"
lanes = { "1" = "N", "2" = "S", "3" = "E", "4" = "W" }
[output]
driver = "virtual"
"#;

type Written = Arc<Mutex<Vec<(MonoMs, Vec<Aspect>)>>>;

/// Keeps what was written, changes only.
struct Recorder(Written);

impl Output for Recorder {
    fn show(&mut self, frame: &Frame<'_>) -> Result<(), OutputError> {
        let mut written = self.0.lock().expect("nobody panics while writing");
        if written.last().is_none_or(|(_, last)| last != frame.lamps) {
            written.push((frame.at, frame.lamps.to_vec()));
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
        let config = Arc::new(config::parse(Path::new("agent.toml"), TOML).expect("it is right"));
        let (inputs, inbox) = sync_channel(1024);
        let (outbox, events) = sync_channel(4096);
        let (written, stats) = (Written::default(), Arc::new(LampStats::default()));
        let parts = LampParts {
            control: Control::new(&config, false, at(-12.0)),
            interlock,
            output: Box::new(Recorder(Arc::clone(&written))),
            enable_on_fault: false,
            can_identify: false,
            longest_panel_s: 3600,
            latch: None,
            latched: None,
            flash_asked: false,
            inputs: inbox,
            events: outbox,
            stats: Arc::clone(&stats),
            rests: || (),
        };
        Self { parts, inputs, events, written, stats }
    }

    /// Runs until `until` seconds on a clock that goes on by 50 ms at each look, a millisecond before the next tick, and by what `jump` adds.
    fn run(self, until: f64, jump: impl Fn(f64) -> f64) -> Ran {
        let now = Cell::new(-12.001);
        let look = || {
            now.set(now.get() + 0.05 + jump(now.get()));
            at(now.get())
        };
        self.run_on(until, &look, |_| now.get())
    }

    /// Runs until `until` seconds on a clock that goes on by 50 ms after each tick, and by what `jump` adds; then `fed` is called with its seconds.
    fn run_fed(
        self,
        until: f64,
        jump: impl Fn(f64) -> f64,
        mut fed: impl FnMut(f64, &SyncSender<LampInput>),
    ) -> Ran {
        let now = Cell::new(-12.001);
        self.run_on(until, &|| at(now.get()), |inputs| {
            now.set(now.get() + 0.05 + jump(now.get()));
            fed(now.get(), inputs);
            now.get()
        })
    }

    /// `fed` says after each tick what time it is, seconds.
    fn run_on(
        self,
        until: f64,
        clock: &dyn Fn() -> Moment,
        mut fed: impl FnMut(&SyncSender<LampInput>) -> f64,
    ) -> Ran {
        let feeds = Cell::new(0_u64);
        let inputs = self.inputs.clone();
        let ended = run(self.parts, clock, &|_| Duration::ZERO, &mut || {
            feeds.set(feeds.get() + 1);
            if fed(&inputs) >= until {
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
fn a_loop_that_is_late_again_and_again_ends_in_the_fault_aspect_and_latches() {
    let folder = tempfile::tempdir().expect("a folder");
    let latch = FaultLatch::beside(&folder.path().join("outbox.db"));
    // A jump of so much at 0 s, 300 s and `third`; what goes beyond the next whole second is late.
    let run_late = |third: i64, real_lamps: bool, late_s: f64| {
        let mut bench = Bench::new(Interlock::new(&four_way(), real_lamps));
        bench.parts.latch = Some(LatchWriter::start(latch.clone()).expect("a thread"));
        let stats = Arc::clone(&bench.stats);
        let late = Cell::new(0);
        let jump = move |now: f64| {
            let due = [0, 300, third].get(late.get()).is_some_and(|due| now >= *due as f64);
            late.set(late.get() + usize::from(due));
            if due { late_s } else { 0.0 }
        };
        let (ended, lines, _) = bench.run_fed(third as f64 + 30.0, jump, |_, _| ());
        ended.expect("it was told to stop");
        assert!(stats.stood_still_s.load(std::sync::atomic::Ordering::Relaxed) >= 3);
        (lines, stats.interlock_trips.load(std::sync::atomic::Ordering::Relaxed))
    };
    let run = |third: i64, real_lamps: bool| run_late(third, real_lamps, 1.6);
    let (_, trips) = run_late(590, true, 1.3);
    assert_eq!((trips, latch.read()), (0, None), "a machine that is busy for moments");
    let (_, trips) = run(900, true);
    assert_eq!((trips, latch.read()), (0, None), "three times in a quarter of an hour");
    let (_, trips) = run(590, false);
    assert_eq!((trips, latch.read()), (0, None), "nobody drives by virtual lamps");
    let (lines, trips) = run(590, true);
    assert_eq!(trips, 1);
    let (shown, flash) = &lines[lines.len() - 2];
    assert_eq!(flash, "ffff", "until the loop ends");
    assert!((591.6..591.8).contains(shown), "as soon as it goes on: {shown}");
    let reason = latch.read().expect("it is kept").reason;
    assert!(reason.starts_with("the lamp loop was late 3 times within 10 minutes"), "{reason}");
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

    latch.clear().expect("removed");
    let mut failing = Bench::new(Interlock::new(&build(&stricter), false));
    failing.parts.control.fault_defect = || panic!("a defect");
    failing.parts.latch = Some(LatchWriter::start(latch.clone()).expect("a thread"));
    let (ended, lines, events) = failing.run(60.0, |_| 0.0);
    ended.expect("nor does a controller that fails at it");
    assert_eq!(letters(&lines), ["ffff", "rrrr", "Grrr", "arrr", "ffff", "rrrr"]);
    assert!(events.iter().any(|event| matches!(event, LampEvent::Defect { .. })));
    assert_eq!(latch.read().map(|fault| fault.reason), Some(kept.reason.clone()));

    let mut again = Bench::new(interlock());
    again.parts.latched = Some(kept.reason);
    let (_, lines, _) = again.run(30.0, |_| 0.0);
    assert_eq!(letters(&lines), ["ffff", "rrrr"], "after a restart, too");
    latch.clear().expect("removed");
    assert_eq!(latch.read(), None);
    latch.clear().expect("nothing to remove is fine");
}

fn read(lane: usize, tag: u32, at_s: f64) -> LampInput {
    let epc = format!("34161FA8203E7CB2{:08X}", 0x0200_0000 | (tag << 5)).parse().expect("an EPC");
    let at = at(at_s).mono;
    LampInput::Read((&Read { lane: LaneIx::new(lane), zone: ZoneName::StopLine, epc, rssi: None, at }).into())
}

/// Tells that the readers work, and four vehicles that stand at the stop line of S from 2 s on.
fn queue_at_south(now: f64, inputs: &SyncSender<LampInput>) {
    inputs.try_send(LampInput::Reader { reader: 0, up: true.into() }).expect("there is room");
    if now > 2.0 {
        for tag in 0..4 {
            inputs.try_send(read(1, tag, now)).expect("there is room");
        }
    }
}

fn greens(lines: &[(f64, String)]) -> Vec<(&str, f64)> {
    let pairs = lines.windows(2).filter(|pair| pair[0].1.contains('G'));
    pairs.map(|pair| (pair[0].1.as_str(), pair[1].0 - pair[0].0)).collect()
}

fn demands(events: &[LampEvent]) -> impl Iterator<Item = &Demand> {
    events.iter().filter_map(|event| match event {
        LampEvent::Demand(demand) => Some(demand.as_ref()),
        _ => None,
    })
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
    // Six of what the lamps show, six times the log of it and once of readers that are down, the level of control, and the demand and the
    // estimates of each second.
    let seconds = 12 + 31 + 1;
    assert_eq!(stats.events_dropped.load(std::sync::atomic::Ordering::Relaxed), 6 + 7 + 1 + 2 * seconds);
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
fn a_fault_that_is_still_to_be_written_is_cleared_too() {
    let folder = tempfile::tempdir().expect("a folder");
    let fault =
        |reason: &str| LatchedFault { reason: reason.into(), at: UnixMs(0), clock: ClockState::Synced };
    let latch = FaultLatch::beside(&folder.path().join("outbox.db"));
    let writer = LatchWriter::start(latch.clone()).expect("a thread");
    let handle = writer.handle();
    writer.store(fault("first"));
    handle.clear(Duration::from_secs(20)).expect("the disk answers");
    assert_eq!(latch.read(), None, "in turn: written, then removed");
    writer.store(fault("second"));
    writer.finish();
    assert_eq!(latch.read(), Some(fault("second")));
    assert!(handle.clear(Duration::from_secs(20)).is_err(), "nobody writes any more");

    // A folder that is missing when the fault comes: it is tried again and again, until a person clears it.
    let gone = folder.path().join("gone");
    let latch = FaultLatch::beside(&gone.join("outbox.db"));
    let writer = LatchWriter::start(latch.clone()).expect("a thread");
    writer.store(fault("lost"));
    let error = writer.handle().clear(Duration::from_secs(20)).expect_err("no such folder");
    assert!(error.contains("cannot be removed"), "{error}");
    std::fs::create_dir(&gone).expect("a folder");
    writer.handle().clear(Duration::from_secs(20)).expect("now it can");
    writer.finish();
    assert_eq!(latch.read(), None, "what was cleared does not come back");
}

fn names() -> Vec<String> {
    ["N", "S", "E", "W"].map(str::to_owned).to_vec()
}

#[test]
fn the_virtual_output_tells_whoever_listens() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("lamps.sock");
    let mut output = VirtualOutput::open(&names(), Some(&path)).expect("a socket");
    let red = all_red(4);
    show_once(&mut output, &red, MonoMs(0)).expect("nobody listening is fine");
    let listener = UnixDatagram::bind(&path).expect("a listener");
    listener.set_read_timeout(Some(Duration::from_secs(5))).expect("a deadline");
    let mut green = red.clone();
    green[0] = Aspect::Green;
    for (lamps, at) in [(&red, 950), (&green, 1000), (&green, 1050), (&green, 2000)] {
        show_once(&mut output, lamps, MonoMs(at)).expect("never fails");
    }
    let mut bytes = [0; 256];
    let mut next = || {
        let length = listener.recv(&mut bytes).expect("a datagram in time");
        String::from_utf8_lossy(&bytes[..length]).into_owned()
    };
    assert_eq!(next(), r#"{"mono_ms":1000,"lamps":{"E":"red","N":"green","S":"red","W":"red"}}"#);
    assert!(next().starts_with(r#"{"mono_ms":2000"#), "an unchanged vector once a second");
    for second in 3..2000 {
        show_once(&mut output, &red, MonoMs(second * 1000))
            .expect("a listener that does not read never blocks");
    }
}

/// Buttons that are pressed for a second from 20 s on; nothing is shown.
struct Pressed(std::cell::Cell<i64>);

impl Output for Pressed {
    fn show(&mut self, frame: &Frame<'_>) -> Result<(), OutputError> {
        self.0.set(frame.at.0);
        Ok(())
    }

    fn pressed(&mut self) -> GroupSet {
        if (20_000..21_000).contains(&self.0.get()) {
            [flextraff_common::junction::GroupIx::new(2)].into_iter().collect()
        } else {
            GroupSet::EMPTY
        }
    }
}

#[test]
fn a_button_is_seen_once_for_each_press() {
    let mut bench = Bench::new(interlock());
    bench.parts.output = Box::new(Pressed(std::cell::Cell::new(0)));
    let (ended, _, events) = bench.run(30.0, |_| 0.0);
    ended.expect("it was told to stop");
    let logged = events.iter().filter_map(|event| match event {
        LampEvent::Signal(SignalEvent::Logged(events)) => Some(events),
        _ => None,
    });
    let codes: Vec<(u16, u32)> = logged.flatten().map(|event| (event.code, event.parameter)).collect();
    let of_button: Vec<_> = codes.into_iter().filter(|(code, _)| matches!(code, 45 | 89 | 90)).collect();
    assert_eq!(of_button, [(90, 3), (45, 3), (89, 3)]);
}
