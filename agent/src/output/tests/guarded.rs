//! The guard beside the loop: it takes the lamps from one that hangs, and from no other.

use super::driven::{four_way_pins, pin_of};
use super::pins::Memory;
use super::*;
use crate::clock::wait_until;
use rustix::fs::{CWD, FileType, Mode, OFlags, mknodat};
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};

#[test]
fn the_guard_flashes_when_the_loop_hangs_and_the_loop_ends_when_it_goes_on() {
    let memory = Memory::default();
    let output = PinOutput::new(memory.clone(), Pins::new(&four_way_pins(), &names()));
    let clock = Arc::new(AtomicI64::new(-12_001));
    let mut bench = Bench::new(interlock());
    let resort = output.last_resort().expect("there are real lamps");
    bench.parts.output = Box::new(output);
    let now = Arc::clone(&clock);
    let fault = vec![Aspect::FlashAmber; 4];
    let pulse = Arc::clone(&bench.stats.pulse);
    let folder = tempfile::tempdir().expect("a folder");
    let latch = FaultLatch::beside(&folder.path().join("outbox.db"));
    let writer = LatchWriter::start(latch.clone()).expect("a thread");
    let time = move || at(now.load(Relaxed) as f64 / 1000.0);
    let guard =
        Guard::start(resort, Arc::clone(&pulse), fault, false, writer.handle(), time).expect("a thread");
    let (hang, hung) = sync_channel::<()>(0);
    let ticks = Arc::new(AtomicI64::new(0));
    let (seen, events) = (Arc::clone(&ticks), bench.events);
    let loop_clock = Arc::clone(&clock);
    let lamps = std::thread::spawn(move || {
        let _events = events;
        run(bench.parts, &|| at(loop_clock.load(Relaxed) as f64 / 1000.0), &|_| Duration::ZERO, &mut || {
            // The hook: it hangs after its 300th tick.
            if seen.fetch_add(1, Relaxed) == 300 {
                let _ = hung.recv();
            } else {
                loop_clock.fetch_add(50, Relaxed);
            }
        })
    });
    wait_until("the loop hangs", || ticks.load(Relaxed) == 301);
    let green = memory.state().writes.last().cloned().expect("written");
    assert!(pin_of(&green, 2), "in green");
    clock.fetch_add(1499, Relaxed);
    let count = memory.state().writes.len();
    clock.fetch_add(2, Relaxed);
    wait_until("the guard has taken the lamps", || memory.state().writes.len() > count + 2);
    for _ in 0..40 {
        clock.fetch_add(100, Relaxed);
        let written = memory.state().writes.len();
        wait_until("the guard goes on", || memory.state().writes.len() > written + 1);
        let write = memory.state().writes.last().cloned().expect("written");
        let lit: Vec<u8> = write.iter().filter(|(_, lit)| *lit).map(|(pin, _)| *pin).collect();
        assert!(lit.is_empty() || lit == [1, 4, 7, 10], "flashing amber, nothing enabled: {lit:?}");
    }
    pulse.leaves.store(true, Relaxed);
    wait_until("the guard has written red for a process that ends", || {
        clock.fetch_add(50, Relaxed);
        pulse.rests.load(Relaxed)
    });
    let write = memory.state().writes.last().cloned().expect("written");
    assert_eq!(write.iter().filter(|(_, lit)| *lit).map(|(pin, _)| *pin).collect::<Vec<_>>(), [0, 3, 6, 9]);
    pulse.leaves.store(false, Relaxed);
    wait_until("and flashes on while it does not", || {
        clock.fetch_add(100, Relaxed);
        memory.state().writes.last().is_some_and(|write| !pin_of(write, 0))
    });
    hang.send(()).expect("the loop still hangs");
    let ended = lamps.join().expect("no panic").expect_err("its lamps are gone");
    assert!(ended.to_string().contains("its guard has taken them"), "{ended}");
    let write = memory.state().writes.last().cloned().expect("written");
    assert!(!pin_of(&write, 0), "no red of the ended loop beside the guard's flash");
    writer.finish();
    let kept = latch.read().expect("the next start shows the fault aspect");
    assert_eq!(kept.reason, "the lamp loop hung, and its guard took the lamps");
    drop(guard);
    let write = memory.state().writes.last().cloned().expect("written");
    assert_eq!(write.iter().filter(|(_, lit)| *lit).map(|(pin, _)| *pin).collect::<Vec<_>>(), [0, 3, 6, 9]);
}

#[test]
fn the_guard_flashes_when_the_loop_never_begins_and_not_while_it_may_still() {
    let memory = Memory::default();
    let output = PinOutput::new(memory.clone(), Pins::new(&four_way_pins(), &names()));
    let clock = Arc::new(AtomicI64::new(5000));
    let stats = LampStats::default();
    let resort = output.last_resort().expect("there are real lamps");
    let folder = tempfile::tempdir().expect("a folder");
    let writer = LatchWriter::start(FaultLatch::beside(&folder.path().join("outbox.db"))).expect("a thread");
    let (looks, now) = (Arc::new(AtomicI64::new(0)), Arc::clone(&clock));
    let looked = Arc::clone(&looks);
    let time = move || {
        looked.fetch_add(1, Relaxed);
        at(now.load(Relaxed) as f64 / 1000.0)
    };
    let fault = vec![Aspect::FlashAmber; 4];
    let guard = Guard::start(resort, Arc::clone(&stats.pulse), fault, false, writer.handle(), time);
    let guard = guard.expect("a thread");
    // The heads are dark.
    clock.fetch_add(1500, Relaxed);
    let begun = looks.load(Relaxed);
    wait_until("it has looked", || looks.load(Relaxed) > begun + 15);
    assert!(memory.state().writes.is_empty(), "the loop may still begin");
    clock.fetch_add(1, Relaxed);
    wait_until("the guard has taken the lamps", || memory.state().writes.len() > 2);
    drop(guard);
    writer.finish();
}

/// A file that nobody comes to the end of reading or writing until somebody opens its other end.
fn stalls(path: &Path) {
    mknodat(CWD, path, FileType::Fifo, Mode::from_raw_mode(0o600), 0).expect("a pipe");
}

#[test]
fn a_loop_that_has_ended_in_red_does_not_hang_while_the_disk_takes_its_fault() {
    let memory = Memory::default();
    let output = PinOutput::new(memory.clone(), Pins::new(&four_way_pins(), &names()));
    let clock = Arc::new(AtomicI64::new(-12_001));
    let mut bench = Bench::new(interlock());
    let resort = output.last_resort().expect("there are real lamps");
    bench.parts.output = Box::new(output);
    let folder = tempfile::tempdir().expect("a folder");
    let latch = FaultLatch::beside(&folder.path().join("outbox.db"));
    stalls(latch.path());
    let writer = LatchWriter::start(latch.clone()).expect("a thread");
    let handle = writer.handle();
    handle.store(LatchedFault { reason: "a fault".into(), at: UnixMs(0), clock: ClockState::Synced });
    bench.parts.latch = Some(writer);
    let (looks, now) = (Arc::new(AtomicI64::new(0)), Arc::clone(&clock));
    let looked = Arc::clone(&looks);
    let time = move || {
        looked.fetch_add(1, Relaxed);
        at(now.load(Relaxed) as f64 / 1000.0)
    };
    let (pulse, fault) = (Arc::clone(&bench.stats.pulse), vec![Aspect::FlashAmber; 4]);
    let guard = Guard::start(resort, pulse, fault, false, handle, time).expect("a thread");
    let (loop_clock, inputs) = (Arc::clone(&clock), bench.inputs.clone());
    let lamps = std::thread::spawn(move || {
        run(bench.parts, &|| at(loop_clock.load(Relaxed) as f64 / 1000.0), &|_| Duration::ZERO, &mut || {
            if loop_clock.fetch_add(50, Relaxed) >= 1000 {
                let _ = inputs.try_send(LampInput::Stop);
            }
        })
    });
    let is_red = || {
        memory.state().writes.last().is_some_and(|write| [0, 3, 6, 9].iter().all(|red| pin_of(write, *red)))
    };
    let stats = Arc::clone(&bench.stats);
    wait_until("the loop has ended in red", || stats.pulse.rests.load(Relaxed) && is_red());
    let written = memory.state().writes.len();
    clock.fetch_add(3000, Relaxed);
    let begun = looks.load(Relaxed);
    wait_until("the guard has looked", || looks.load(Relaxed) > begun + 30);
    assert!(!lamps.is_finished(), "the disk still takes the fault");
    assert_eq!(memory.state().writes.len(), written, "red stays");
    let disk = rustix::fs::open(latch.path(), OFlags::WRONLY, Mode::empty()).expect("it is being read");
    drop(disk);
    lamps.join().expect("no panic").expect("it was told to stop");
    assert!(!guard.end(), "the guard has not taken the lamps");
}

#[test]
fn a_loop_that_cannot_leave_red_is_guarded_until_its_process_ends() {
    let (memory, clock) = (Memory::default(), Arc::new(AtomicI64::new(-12_001)));
    let output = PinOutput::new(memory.clone(), Pins::new(&four_way_pins(), &names()));
    let mut bench = Bench::new(interlock());
    let resort = output.last_resort().expect("there are real lamps");
    bench.parts.output = Box::new(output);
    let folder = tempfile::tempdir().expect("a folder");
    let writer = LatchWriter::start(FaultLatch::beside(&folder.path().join("outbox.db"))).expect("a thread");
    let now = Arc::clone(&clock);
    let time = move || at(now.load(Relaxed) as f64 / 1000.0);
    let (pulse, fault) = (Arc::clone(&bench.stats.pulse), vec![Aspect::FlashAmber; 4]);
    let guard = Guard::start(resort, pulse, fault, false, writer.handle(), time).expect("a thread");
    let (breaks, loop_clock) = (memory.clone(), Arc::clone(&clock));
    let ended =
        run(bench.parts, &|| at(loop_clock.load(Relaxed) as f64 / 1000.0), &|_| Duration::ZERO, &mut || {
            breaks.state().broken = loop_clock.fetch_add(50, Relaxed) >= 1000;
        });
    ended.expect_err("the lines are gone");
    memory.state().broken = false;
    let written = memory.state().writes.len();
    clock.fetch_add(1501, Relaxed);
    wait_until("the guard has taken the lamps", || memory.state().writes.len() > written + 2);
    assert!(guard.end());
    writer.finish();
}
