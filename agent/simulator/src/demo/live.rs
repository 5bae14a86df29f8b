//! The street in real time: lamps in, reader bytes out.

use super::city::{City, dialect};
use super::files::Folder;
use crate::clock::Clock;
use crate::lamps::{Change, LampSocket};
use crate::reader::{Pty, Readers, Report};
use crate::street::{Passage, Read, Side, Street};
use anyhow::{Context, Result};
use flextraff_common::epc::Epc;
use flextraff_common::time::{MonoMs, UnixMs};
use flextraff_common::wire::{Aspect, ZoneName};
use std::collections::BTreeMap;

/// By how much the street may lag behind the clock before time is skipped, milliseconds.
const MOST_LAG_MS: i64 = 5000;
const STOP_LINE_PORT: u8 = 1;
const ADVANCE_PORT: u8 = 2;

/// A passage of a tagged vehicle as stop-line readers have told it.
#[derive(Clone, Debug)]
pub(super) struct Reported {
    /// Its tag.
    pub(super) epc: Epc,
    /// When a read went out whole, and whose antenna it was; empty unless they are kept.
    pub(super) reads: Vec<(MonoMs, Side)>,
}

/// Street, readers and lamps of the running demo.
#[derive(Debug)]
pub(super) struct Live {
    street: Street,
    lamps: Vec<LampSocket>,
    readers: Readers<Option<(Passage, Epc, Side)>>,
    clock: Clock,
    names: Vec<&'static str>,
    /// Clock time of the street's time zero (it may lie before the clock's own); `None`: it does not run.
    since: Option<MonoMs>,
    read: BTreeMap<Passage, Reported>,
    /// Whether every single read is kept: in a long run they would be too many.
    keeps_reads: bool,
    dropped: u64,
    /// How often lamps that conflict were released together.
    conflicts: u64,
    /// Sentences about what went wrong since the last look.
    problems: Vec<String>,
}

impl Live {
    /// Opens the device files and sockets; the street stands still.
    pub(super) fn new(city: &City, folder: &Folder, seed: u64) -> Result<Self> {
        let (mut lines, mut lamps) = (Vec::new(), Vec::new());
        for index in 0..city.places.len() {
            let paths = folder.agent(index);
            for (link, side) in paths.readers.iter().zip(Side::ALL) {
                let pty = Pty::open(link)
                    .with_context(|| format!("opening a pseudo-terminal as {}", link.display()))?;
                lines.push((pty, dialect(index, side)));
            }
            let socket = LampSocket::bind(&paths.lamps);
            lamps.push(socket.with_context(|| format!("listening at {}", paths.lamps.display()))?);
        }
        let clock = Clock::start();
        Ok(Self {
            street: Street::warmed_up(city.nodes.clone(), seed),
            lamps,
            readers: Readers::start(lines, clock, seed).context("starting the readers")?,
            clock,
            names: city.places.iter().map(|place| place.name).collect(),
            since: None,
            read: BTreeMap::new(),
            keeps_reads: false,
            dropped: 0,
            conflicts: 0,
            problems: Vec::new(),
        })
    }

    /// Lets the traffic begin.
    pub(super) fn start(&mut self) {
        self.since = Some(self.clock.now() - self.street.now().0);
    }

    /// Ends the traffic; lamps are still heard.
    pub(super) fn stop(&mut self) {
        self.since = None;
    }

    /// Brings everything to the present.
    pub(super) fn tick(&mut self) {
        let now = self.clock.now();
        self.hear_lamps(now);
        if let Some(mut since) = self.since {
            let lag = now.since(since) - self.street.now().0;
            if lag > MOST_LAG_MS {
                self.problems
                    .push(format!("the street lagged {:.1} s behind the clock", lag as f64 / 1000.0));
                since = since + lag;
                self.since = Some(since);
            }
            // A step is drawn up when it begins: its reads go out at their times within it.
            while self.street.now().0 <= now.since(since) {
                for read in self.street.step().reads {
                    self.report(&read, since);
                }
            }
        }
        for (at, read) in self.readers.sent() {
            let Some((passage, epc, side)) = read else { continue };
            let reported = self.read.entry(passage).or_insert_with(|| Reported { epc, reads: Vec::new() });
            if self.keeps_reads {
                reported.reads.push((at, side));
            }
        }
        let dropped = self.readers.dropped();
        if dropped > self.dropped {
            self.problems.push(format!("an agent left {} reads unread on its port", dropped - self.dropped));
            self.dropped = dropped;
        }
    }

    fn hear_lamps(&mut self, now: MonoMs) {
        for (junction, lamps) in self.lamps.iter_mut().enumerate() {
            for change in lamps.poll(now) {
                match change {
                    Change::Shows(aspects) => {
                        // Each approach of this city has a stage of its own.
                        let released = aspects.iter().flatten().filter(|aspect| {
                            matches!(aspect, Aspect::Green | Aspect::Amber | Aspect::RedAmber)
                        });
                        self.conflicts += u64::from(released.count() > 1);
                        self.street.set_lamps(junction, aspects);
                    }
                    Change::Silent => {
                        self.street.set_lamps(junction, [None; 4]);
                        let name = self.names[junction];
                        self.problems.push(format!("the lamps of {name} have not been heard of for 3 s"));
                    }
                    Change::Unreadable(why) => {
                        let name = self.names[junction];
                        self.problems.push(format!("the lamps of {name} sent what is no lamp vector: {why}"));
                    }
                }
            }
        }
    }

    fn report(&self, read: &Read, since: MonoMs) {
        let counts = read.zone == ZoneName::StopLine && read.fastag;
        self.readers.report(Report {
            reader: read.passage.junction * Side::ALL.len() + read.side as usize,
            at: since + read.at.0,
            port: if read.zone == ZoneName::StopLine { STOP_LINE_PORT } else { ADVANCE_PORT },
            epc: read.epc,
            rssi: read.rssi,
            read: counts.then_some((read.passage, read.epc, read.side)),
        });
    }

    /// Keeps every single read from now on.
    pub(super) fn keep_reads(&mut self) {
        self.keeps_reads = true;
    }

    /// Passages of tagged vehicles of which at least one stop-line read went out whole.
    pub(super) fn reported(&self) -> &BTreeMap<Passage, Reported> {
        &self.read
    }

    /// Pulls the cable of a reader (four a junction, in the order of [`Side::ALL`]), or puts it back.
    pub(super) fn plug(&self, reader: usize, plugged: bool) {
        self.readers.plug(reader, plugged);
    }

    /// How often lamps that conflict were released together.
    pub(super) fn conflicts(&self) -> u64 {
        self.conflicts
    }

    /// Wall time of a time of the reads.
    pub(super) fn wall(&self, at: MonoMs) -> UnixMs {
        self.clock.wall(at)
    }

    /// Time of the street.
    pub(super) fn street_time(&self) -> MonoMs {
        self.street.now()
    }

    /// How many junctions' lamps are known, and how many readers are listened to.
    pub(super) fn present(&self) -> (usize, usize) {
        (self.lamps.iter().filter(|lamps| lamps.known()).count(), self.readers.listeners())
    }

    /// Passages of tagged vehicles of which at least one stop-line read went out whole.
    pub(super) fn vehicles_read(&self) -> u64 {
        self.read.len() as u64
    }

    /// Mean wait so far, seconds.
    pub(super) fn mean_wait_s(&self) -> f64 {
        self.street.tally().mean_wait_s()
    }

    /// Vehicles in the city, and how many there were in all.
    pub(super) fn vehicles(&self) -> (u64, u64) {
        (self.street.inside(), self.street.tally().entered)
    }

    /// What went wrong since the last call.
    pub(super) fn problems(&mut self) -> Vec<String> {
        std::mem::take(&mut self.problems)
    }

    /// Whether the readers' thread is alive.
    pub(super) fn working(&self) -> bool {
        self.readers.working()
    }
}
