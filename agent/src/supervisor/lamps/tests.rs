//! How the lamps are left when the disk is slow.

use super::*;
use crate::clock::wait_until;
use crate::config::sample::two_lanes;
use crate::config::{ClockTrust, GroupPins, OutputConfig};
use crate::output::{Lines, Output as _, OutputError, PinOutput, Pins, all_red, show_once};
use flextraff_common::time::{Moment, MonoMs};
use flextraff_common::wire::Aspect;
use rustix::fs::{CWD, FileType, Mode, OFlags, mknodat};
use std::sync::Mutex;
use std::sync::atomic::AtomicI64;
use uuid::Uuid;

/// Which pin gets which level.
type Levels = Vec<(u8, bool)>;

/// Lines that remember what was written.
#[derive(Clone, Default)]
struct Memory(Arc<Mutex<Vec<Levels>>>);

impl Memory {
    fn writes(&self) -> Vec<Levels> {
        self.0.lock().expect("nobody panics while writing").clone()
    }
}

impl Lines for Memory {
    fn write(&mut self, levels: &[(u8, bool)]) -> Result<(), OutputError> {
        self.0.lock().expect("nobody panics while writing").push(levels.to_vec());
        Ok(())
    }

    fn read(&mut self) -> Result<Vec<bool>, OutputError> {
        Ok(Vec::new())
    }
}

#[test]
fn an_orderly_end_stays_red_while_the_disk_is_slow_to_remember_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let outbox = folder.path().join("outbox.sqlite");
    let config = two_lanes(&format!("[outbox]\npath = \"{}\"\n", outbox.display()));
    let pins = |red| GroupPins { red: Some(red), amber: Some(red + 1), green: Some(red + 2) };
    let pins = vec![pins(2), pins(5)];
    let output = OutputConfig { driver: Driver::Rppal, pins, ..config.output.clone() };
    let config = Config { output, ..Config::clone(&config) };
    let names = ["N".to_owned(), "E".to_owned()];
    let memory = Memory::default();
    let mut lamps = PinOutput::new(memory.clone(), Pins::new(&config.output, &names));
    let resort = lamps.last_resort().expect("there are real lamps");
    let stats = Arc::new(LampStats::default());
    let writer = LatchWriter::start(FaultLatch::beside(&outbox)).expect("a thread");
    let clock = Clock::new(ClockTrust::Always);
    // Three seconds pass between two looks of the guard.
    let (time, start) = (Arc::new(AtomicI64::new(1000)), clock.now());
    let (seen, guards) = (Arc::clone(&time), Arc::downgrade(&time));
    let look = move || Moment { mono: MonoMs(time.fetch_add(3000, Relaxed)), ..start };
    let (pulse, fault) = (Arc::clone(&stats.pulse), vec![Aspect::FlashAmber; 2]);
    let guard = Guard::start(resort, pulse, fault, false, writer.handle(), look).expect("a thread");
    let (inputs, _inbox) = mpsc::sync_channel(8);
    let told = Arc::clone(&stats);
    let thread = std::thread::spawn(move || {
        while !told.hurry.load(Relaxed) {
            told.pulse.wrote.store(seen.load(Relaxed), Relaxed);
            std::thread::yield_now();
        }
        show_once(&mut lamps, &all_red(2), MonoMs(0))?;
        told.in_order.store(true, Relaxed);
        Ok(())
    });
    // Whoever writes it waits until somebody reads it.
    let file = OrderlyEnd::beside(&outbox).with_extension("json.new");
    mknodat(CWD, &file, FileType::Fifo, Mode::from_raw_mode(0o600), 0).expect("a pipe");
    let lamps = Lamps { inputs, stats, thread: Some(thread), guard: Some(guard), latch: writer.handle() };
    let stops = std::thread::spawn(move || lamps.stop(&config, &clock, BootId(Uuid::from_u128(1))));
    wait_until("the guard has ended", || guards.strong_count() == 0);
    assert!(!stops.is_finished(), "the disk still takes the file");
    for write in memory.writes() {
        let lit: Vec<u8> = write.iter().filter(|(_, lit)| *lit).map(|(pin, _)| *pin).collect();
        assert_eq!(lit, [2, 5], "red and nothing else");
    }
    let disk = rustix::fs::open(&file, OFlags::RDONLY, Mode::empty()).expect("it is being written");
    stops.join().expect("no panic");
    drop(disk);
    writer.finish();
}
