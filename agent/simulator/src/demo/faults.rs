//! The fault suite: the demo's city, in which agents, server and broker are killed again and again, cables are pulled, disks are full and
//! outboxes are damaged. At the end everything comes back, and what is stored is compared with what was on the street.

mod outcome;
mod people;
mod schedule;
mod verdict;

use super::child::{Environment, Program, run as run_program};
use super::interrupts::Interrupts;
use super::summary::{Backlog, Broken, DeviceRow};
use super::town::{Overfull, Programs, TICK_MS, Town};
use crate::street::Side;
use anyhow::{Context, Result};
use flextraff_common::ids::JunctionId;
use flextraff_common::time::{MonoMs, UnixMs};
use outcome::Outcome;
use people::{Asked, People};
use rustix::process::{Signal, kill_process};
use schedule::{Disturbance, Fault, Parts, schedule};
use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use verdict::{Truth, Verdict, asleep, compare, untold};

/// After the street stops until everything must be stored, milliseconds: links that were cut may wait for half a minute.
const DRAIN_MS: i64 = 180_000;
/// The junction that may have a small disk of its own.
const SMALL_DISK: usize = 0;
/// The junction whose outbox may be too full from the start, and how many rows are in it: some 13 MB.
const OVERFULL: usize = 3;
const OVERFULL_ROWS: u64 = 28_000;
/// Between two lines of progress, milliseconds.
const PROGRESS_MS: i64 = 3000;

/// What to run, and how.
#[derive(Clone, Debug, clap::Args)]
pub struct FaultOptions {
    #[command(flatten)]
    programs: Programs,
    /// Minutes for which things go wrong
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    minutes: u64,
    /// Decides the traffic and what goes wrong when
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Folder, made by root on a small file system, for the files of the first junction; without it no disk is filled
    #[arg(long, value_name = "DIR")]
    small_disk: Option<PathBuf>,
    /// The small file system can be frozen with fsfreeze
    #[arg(long, requires = "small_disk")]
    standstill: bool,
    /// Folder of PostgreSQL's user on a small file system, for the tables; without it their disk is never full
    #[arg(long, value_name = "DIR")]
    tables_disk: Option<PathBuf>,
    /// Program that fills the outbox of a configuration with a number of rows; without it no limit drops any
    #[arg(long, value_name = "PATH")]
    backlog: Option<PathBuf>,
}

/// Runs the fault suite. Progress and the outcome go to `out`; `terminal`: somebody watches it. Whether nothing was lost or doubled and no
/// lamps conflicted.
///
/// # Errors
/// When the city cannot be started, or the output is gone.
pub fn run(
    options: &FaultOptions,
    interrupts: &mut Interrupts,
    out: &mut dyn Write,
    terminal: bool,
) -> Result<bool> {
    let town = Town::new(&options.programs, options.seed, interrupts, out, terminal)?;
    writeln!(town.out, "Seed {}", options.seed)?;
    let mut suite = Suite {
        options,
        town,
        broker: None,
        away: BTreeSet::new(),
        damaged: Vec::new(),
        people: Vec::new(),
        outcome: Outcome::default(),
    };
    suite.outcome.seed = options.seed;
    suite.outcome.minutes = options.minutes;
    let result = suite.perform();
    let Suite { mut town, outcome, broker, .. } = suite;
    let sentences = town.finish(result)?;
    drop(broker);
    let good = sentences.is_empty();
    if !good {
        writeln!(town.out, "Logs are in {}.", town.folder.logs().display())?;
    }
    // The files of a run that went wrong tell why.
    town.folder.clean_up(options.programs.keep || !good)?;
    for sentence in sentences {
        writeln!(town.out, "{sentence}")?;
    }
    outcome.print(town.out)?;
    Ok(good)
}

struct Suite<'a> {
    options: &'a FaultOptions,
    town: Town<'a>,
    /// The broker that was started in place of the killed one.
    broker: Option<Program>,
    /// Agents that are away on purpose.
    away: BTreeSet<usize>,
    /// Where and when outboxes were damaged.
    damaged: Vec<(JunctionId, UnixMs)>,
    /// Who asked for something each time that the disk of the tables was full.
    people: Vec<People>,
    outcome: Outcome,
}

impl Suite<'_> {
    /// Everything that must not be, as sentences.
    fn perform(&mut self) -> Result<Vec<String>> {
        if let Some(disk) = &self.options.small_disk {
            self.town.folder.put_agent(SMALL_DISK, disk)?;
        }
        if let Some(disk) = &self.options.tables_disk {
            self.town.records.keep_tables_in(disk)?;
        }
        self.town.overfull = self.options.backlog.clone().map(|program| Overfull {
            junction: OVERFULL,
            program,
            rows: OVERFULL_ROWS,
        });
        self.town.start()?;
        writeln!(self.town.out, "Things go wrong for {} minutes.", self.options.minutes)?;
        self.town.tolerant = true;
        self.town.live.keep_reads();
        self.disturb()?;
        self.town.live.stop();
        self.town.wait_for_agents()?;
        let devices = self.town.drain(DRAIN_MS)?;
        self.town.stop_agents();
        self.judge(&devices.into_values().collect::<Vec<_>>())
    }

    /// The street, while things go wrong.
    fn disturb(&mut self) -> Result<()> {
        let (junctions, run_ms) = (self.town.city.places.len(), self.options.minutes as i64 * 60_000);
        let disks: &[usize] = if self.options.small_disk.is_some() { &[SMALL_DISK] } else { &[] };
        let tables = self.options.tables_disk.is_some();
        let intact = self.town.overfull.as_ref().map(|outbox| outbox.junction);
        let readers = junctions * Side::ALL.len();
        let parts = Parts { junctions, readers, disks, standstill: self.options.standstill, tables, intact };
        let mut coming = schedule(self.options.seed, run_ms, parts).into_iter().peekable();
        let mut going: Vec<Disturbance> = Vec::new();
        let start = self.town.clock.now();
        let mut progress = start;
        self.town.live.start();
        loop {
            self.town.tick();
            let now = self.town.clock.now();
            let at = MonoMs(now.since(start));
            let (over, rest) = going.into_iter().partition::<Vec<_>, _>(|one| one.to <= at);
            going = rest;
            for one in over {
                self.end(one.fault)?;
            }
            while let Some(one) = coming.next_if(|one| one.from <= at) {
                self.begin(one.fault)?;
                going.push(one);
            }
            self.look_after(&going)?;
            if at.0 >= run_ms || self.town.interrupts.pause(TICK_MS) > 0 {
                for one in going {
                    self.end(one.fault)?;
                }
                return Ok(());
            }
            if self.town.terminal && now >= progress {
                progress = now + PROGRESS_MS;
                let read = self.town.live.vehicles_read();
                write!(
                    self.town.out,
                    "\r{:>3} s, {read} passages read, {} things wrong\u{1b}[K",
                    at.0 / 1000,
                    going.len()
                )?;
                self.town.out.flush()?;
            }
        }
    }

    fn begin(&mut self, fault: Fault) -> Result<()> {
        match fault {
            Fault::Agent(junction) => {
                self.outcome.agents_killed += 1;
                self.kill_agent(junction);
            }
            Fault::Outbox(junction) => {
                self.outcome.outboxes_damaged += 1;
                self.kill_agent(junction);
                damage(&self.town.folder.agent(junction).outbox)?;
                let clock = self.town.clock;
                self.damaged.push((self.town.city.places[junction].junction, clock.wall(clock.now())));
            }
            Fault::Server => {
                self.outcome.server_killed += 1;
                if let Some(server) = &mut self.town.server {
                    server.signal(Signal::KILL);
                }
            }
            Fault::Broker { remembers } => {
                self.outcome.broker_killed += 1;
                self.kill_broker(remembers)?;
            }
            Fault::Cable(reader) => {
                self.outcome.cables_pulled += 1;
                self.town.live.plug(reader, false);
            }
            Fault::Disk(junction) => {
                self.outcome.disks_filled += 1;
                fill(&self.filler(junction))?;
            }
            Fault::Standstill(_) => {
                self.outcome.disks_stopped += 1;
                self.freeze(true)?;
            }
            Fault::Tables => {
                self.outcome.tables_disks_filled += 1;
                let name = format!("people-{}", self.outcome.tables_disks_filled);
                let junction = self.town.city.places[0].junction;
                let people = People::start(self.town.api.clone(), junction, name)?;
                fill(&self.tables_filler()?)?;
                self.people.push(people);
            }
        }
        Ok(())
    }

    fn end(&mut self, fault: Fault) -> Result<()> {
        match fault {
            Fault::Agent(junction) | Fault::Outbox(junction) => {
                self.away.remove(&junction);
                self.town.agents[junction] = self.town.agent(junction)?;
            }
            Fault::Server => self.town.server = Some(self.town.new_server()?),
            Fault::Broker { .. } => self.start_broker()?,
            Fault::Cable(reader) => self.town.live.plug(reader, true),
            Fault::Disk(junction) => remove(&self.filler(junction))?,
            Fault::Standstill(_) => self.freeze(false)?,
            Fault::Tables => {
                remove(&self.tables_filler()?)?;
                self.people.iter().for_each(People::there_is_room);
            }
        }
        Ok(())
    }

    /// Whoever writes to the small disk stands still, until it is let go on.
    fn freeze(&self, stop: bool) -> Result<()> {
        let disk = self.options.small_disk.as_ref().context("there is no small disk")?;
        let arguments = [if stop { "--freeze" } else { "--unfreeze" }.as_ref(), disk.as_os_str()];
        run_program("fsfreeze", Path::new("fsfreeze"), &arguments, &self.town.folder.log("fsfreeze"))
    }

    /// As systemd does: the lamps go to the safe aspect after the agent is gone.
    fn kill_agent(&mut self, junction: usize) {
        self.away.insert(junction);
        self.town.agents[junction].kill();
        let config = self.town.folder.agent(junction).config;
        let arguments = ["failsafe".as_ref(), "--config".as_ref(), config.as_os_str()];
        let log = self.town.folder.log("failsafe");
        if let Err(error) = run_program("failsafe", &self.town.programs.agent, &arguments, &log) {
            self.town.problem(&format!("{error:#}"));
        }
    }

    fn kill_broker(&mut self, remembers: bool) -> Result<()> {
        match &mut self.broker {
            Some(broker) => broker.kill(),
            None => kill_process(self.town.services.mosquitto, Signal::KILL).context("killing the broker")?,
        }
        let memory = self.town.services.broker_memory();
        if !remembers && memory.exists() {
            fs::remove_file(&memory).with_context(|| format!("removing {}", memory.display()))?;
        }
        Ok(())
    }

    fn start_broker(&mut self) -> Result<()> {
        let mosquitto = super::broker::find_program("mosquitto").context("mosquitto is not installed")?;
        let arguments = ["-c".as_ref(), self.town.services.config.as_os_str()];
        let log = self.town.folder.log("broker");
        self.broker = Some(Program::start("the broker", &mosquitto, &arguments, Environment::Agent, log)?);
        Ok(())
    }

    fn filler(&self, junction: usize) -> PathBuf {
        self.town.folder.agent(junction).outbox.with_file_name("filler")
    }

    fn tables_filler(&self) -> Result<PathBuf> {
        let disk = self.options.tables_disk.as_ref().context("the tables have no disk of their own")?;
        Ok(disk.join("filler"))
    }

    /// A program that has ended although nobody killed it is started again, as systemd would, and is an error.
    fn look_after(&mut self, going: &[Disturbance]) -> Result<()> {
        for junction in 0..self.town.agents.len() {
            if self.away.contains(&junction) {
                continue;
            }
            if let Some(status) = self.town.agents[junction].ended() {
                let words = self.town.agents[junction].last_words();
                self.town.problem(&format!("agent {} ended ({status}): {words}", junction + 1));
                self.town.agents[junction] = self.town.agent(junction)?;
            }
        }
        let killed = going.iter().any(|one| one.fault == Fault::Server);
        if !killed
            && let Some(server) = &mut self.town.server
            && let Some(status) = server.ended()
        {
            let words = server.last_words();
            self.town.problem(&format!("the server ended ({status}): {words}"));
            self.town.server = Some(self.town.new_server()?);
        }
        Ok(())
    }

    fn judge(&mut self, devices: &[DeviceRow]) -> Result<Vec<String>> {
        let (places, live) = (&self.town.city.places, &self.town.live);
        let truths: Vec<Truth> = live
            .reported()
            .iter()
            .filter(|(_, reported)| !reported.reads.is_empty())
            .map(|(passage, reported)| {
                let place = &places[passage.junction];
                Truth::new(place.junction, &place.lanes, reported, |at| live.wall(at))
            })
            .collect();
        let (rows, gaps) = (self.town.records.counts()?, self.town.records.gaps()?);
        let Verdict { stored, unwatched, missing, doubled } = compare(&truths, &rows, &gaps, &self.damaged);
        let Broken { repeated, flagged } = self.town.records.broken()?;
        let outcome = &mut self.outcome;
        if let Some(outbox) = &self.town.overfull {
            let device = places[outbox.junction].device;
            let Backlog { stored, dropped } = self.town.records.backlog(device, outbox.rows)?;
            (outcome.backlog, outcome.backlog_stored, outcome.backlog_dropped) =
                (outbox.rows, stored, dropped);
        }
        (outcome.passages, outcome.stored) = (truths.len() as u64, stored);
        (outcome.unwatched, outcome.asleep) = (unwatched.len() as u64, asleep(&truths, &unwatched));
        outcome.untold = untold(&self.damaged, &gaps);
        (outcome.missing, outcome.doubled) = (missing.len() as u64, doubled.len() as u64);
        (outcome.repeated_rows, outcome.flagged_rows) = (repeated, flagged);
        outcome.gaps = gaps.len() as u64;
        outcome.lamp_conflicts = live.conflicts();
        for device in devices {
            outcome.counts_committed += device.counts_committed;
            let Some(status) = &device.status else { continue };
            if let Some(outbox) = &status.outbox {
                outcome.counts_made += outbox.counts_made;
                outcome.outbox_pending += outbox.rows;
            }
            outcome.interlock_trips +=
                status.controller.as_ref().map_or(0, |controller| controller.interlock_trips);
        }
        let mut unclear = Vec::new();
        for people in self.people.drain(..) {
            let Asked { done, refused, unclear: sentences, told_full, recovered } = people.end();
            outcome.told_full += told_full;
            outcome.people_served += done;
            outcome.people_refused += refused;
            outcome.people_left_alone += u64::from(!recovered);
            unclear.extend(sentences);
        }
        outcome.unclear_answers = unclear.len() as u64;
        outcome.writes_refused = self.town.services.writes_without_room()?;
        outcome.errors = self.town.errors + self.town.records.totals()?.dead_letters;
        let drained = devices.iter().all(DeviceRow::drained);
        Ok(self.outcome.sentences(drained, &[&missing, &doubled, &unclear]))
    }
}

/// Overwrites the beginning of a database and of its journal, as a card that dies does.
fn damage(outbox: &Path) -> Result<()> {
    let mut journal = outbox.as_os_str().to_owned();
    journal.push("-wal");
    for file in [outbox, Path::new(&journal)] {
        let context = || format!("damaging {}", file.display());
        if file.exists() {
            let mut file = OpenOptions::new().write(true).open(file).with_context(context)?;
            file.write_all(&[0xA5; 4096]).with_context(context)?;
        }
    }
    Ok(())
}

fn remove(path: &Path) -> Result<()> {
    fs::remove_file(path).with_context(|| format!("removing {}", path.display()))
}

/// Writes a file until the disk is full.
fn fill(path: &Path) -> Result<()> {
    let mut file = OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .with_context(|| format!("making {}", path.display()))?;
    let block = vec![0; 1 << 16];
    while file.write_all(&block).is_ok() {}
    // The last bit of room goes as well.
    while file.write_all(&[0]).is_ok() {}
    Ok(())
}
