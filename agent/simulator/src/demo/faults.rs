//! The fault suite: the demo's city, in which agents, server and broker are killed again and again, cables are pulled, disks are full and
//! outboxes are damaged. At the end everything comes back, and what is stored is compared with what was on the street.

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
use rustix::process::{Signal, kill_process};
use schedule::{Disturbance, Fault, Parts, schedule};
use serde::Serialize;
use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use verdict::{Truth, Verdict, compare};

/// After the street stops until everything must be stored, milliseconds: links that were cut may wait for half a minute.
const DRAIN_MS: i64 = 180_000;
/// The junction that may have a small disk of its own.
const SMALL_DISK: usize = 0;
/// The junction whose outbox may be too full from the start, and how many rows are in it: some 13 MB.
const OVERFULL: usize = 3;
const OVERFULL_ROWS: u64 = 28_000;
/// Between two lines of progress, milliseconds.
const PROGRESS_MS: i64 = 3000;
/// Most sentences of a kind that are printed.
const SENTENCES: usize = 5;

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
    /// Folder of PostgreSQL's user on a small file system, for the tables; without it their disk is never full
    #[arg(long, value_name = "DIR")]
    tables_disk: Option<PathBuf>,
    /// Program that fills the outbox of a configuration with a number of rows; without it no limit drops any
    #[arg(long, value_name = "PATH")]
    backlog: Option<PathBuf>,
}

/// What a run came to: the last line of output.
#[derive(Clone, Debug, Default, Serialize)]
struct Outcome {
    seed: u64,
    minutes: u64,
    agents_killed: u64,
    server_killed: u64,
    broker_killed: u64,
    cables_pulled: u64,
    disks_filled: u64,
    outboxes_damaged: u64,
    tables_disks_filled: u64,
    /// Writes that the database refused for want of room.
    writes_refused: u64,
    /// Passages of which at least one read went out.
    passages: u64,
    stored: u64,
    /// Not stored, and nobody says that the lane was watched.
    unwatched: u64,
    missing: u64,
    doubled: u64,
    repeated_rows: u64,
    flagged_rows: u64,
    gaps: u64,
    /// Rows of the outbox that was too full: in it at the start, stored, and dropped by its limit as a gap says.
    backlog: u64,
    backlog_stored: u64,
    backlog_dropped: u64,
    counts_made: u64,
    counts_committed: u64,
    outbox_pending: u64,
    lamp_conflicts: u64,
    interlock_trips: u64,
    /// Programs that ended by themselves, dead letters, and what the simulator could not do.
    errors: u64,
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
        let parts = Parts { junctions, readers: junctions * Side::ALL.len(), disks, tables, intact };
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
            Fault::Tables => {
                self.outcome.tables_disks_filled += 1;
                fill(&self.tables_filler()?)?;
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
            Fault::Tables => remove(&self.tables_filler()?)?,
        }
        Ok(())
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
        (outcome.passages, outcome.stored, outcome.unwatched) = (truths.len() as u64, stored, unwatched);
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
        outcome.writes_refused = self.town.services.writes_without_room()?;
        outcome.errors = self.town.errors + self.town.records.totals()?.dead_letters;
        let drained = devices.iter().all(DeviceRow::drained);
        Ok(self.outcome.sentences(drained, &missing, &doubled))
    }
}

impl Outcome {
    /// The table for people, and as last line one JSON object.
    fn print(&self, out: &mut dyn Write) -> Result<()> {
        let rows = [
            ("seed / minutes", format!("{} / {}", self.seed, self.minutes)),
            (
                "agents / server / broker killed",
                format!("{} / {} / {}", self.agents_killed, self.server_killed, self.broker_killed),
            ),
            (
                "cables pulled / disks filled / outboxes damaged",
                format!("{} / {} / {}", self.cables_pulled, self.disks_filled, self.outboxes_damaged),
            ),
            (
                "disks of the tables filled / writes refused",
                format!("{} / {}", self.tables_disks_filled, self.writes_refused),
            ),
            ("passages read / stored", format!("{} / {}", self.passages, self.stored)),
            ("  not stored, and told as not watched", self.unwatched.to_string()),
            ("  missing / stored more than once", format!("{} / {}", self.missing, self.doubled)),
            ("count messages made / stored", format!("{} / {}", self.counts_made, self.counts_committed)),
            ("gaps told", self.gaps.to_string()),
            (
                "too many rows for an outbox / stored / dropped",
                format!("{} / {} / {}", self.backlog, self.backlog_stored, self.backlog_dropped),
            ),
            (
                "lamp conflicts / interlock trips",
                format!("{} / {}", self.lamp_conflicts, self.interlock_trips),
            ),
            ("errors", self.errors.to_string()),
        ];
        writeln!(out)?;
        for (name, value) in rows {
            writeln!(out, "  {name:<48} {value}")?;
        }
        writeln!(out, "\n{}", serde_json::to_string(self)?)?;
        Ok(out.flush()?)
    }

    fn sentences(&self, drained: bool, missing: &[String], doubled: &[String]) -> Vec<String> {
        let mut sentences: Vec<String> =
            missing.iter().take(SENTENCES).chain(doubled.iter().take(SENTENCES)).cloned().collect();
        let mut must_be = |good: bool, sentence: String| {
            if !good {
                sentences.push(sentence);
            }
        };
        must_be(
            self.missing == 0,
            format!("{} passages are missing although somebody watched.", self.missing),
        );
        must_be(self.doubled == 0, format!("{} passages are stored more than once.", self.doubled));
        must_be(self.repeated_rows == 0, format!("{} rows are stored more than once.", self.repeated_rows));
        must_be(self.flagged_rows == 0, format!("{} rows are flagged.", self.flagged_rows));
        must_be(self.stored > 0, "Not a single passage is stored.".to_owned());
        must_be(
            drained,
            format!(
                "Not everything arrived: {} count messages made, {} stored, {} rows wait.",
                self.counts_made, self.counts_committed, self.outbox_pending
            ),
        );
        must_be(
            self.gaps >= self.outboxes_damaged,
            format!("{} outboxes were damaged, but only {} gaps are told.", self.outboxes_damaged, self.gaps),
        );
        must_be(
            self.backlog == self.backlog_stored + self.backlog_dropped,
            format!(
                "Of {} rows in an outbox that was too full {} are stored and {} told as dropped.",
                self.backlog, self.backlog_stored, self.backlog_dropped
            ),
        );
        must_be(
            self.backlog == 0 || self.backlog_dropped > 0,
            "The limit of an outbox that was too full has dropped nothing.".to_owned(),
        );
        must_be(
            self.tables_disks_filled == 0 || self.writes_refused > 0,
            "The disk of the tables was filled, but the database refused nothing.".to_owned(),
        );
        must_be(
            self.lamp_conflicts == 0,
            format!("Lamps that conflict were released together {} times.", self.lamp_conflicts),
        );
        must_be(self.interlock_trips == 0, format!("{} interlock trips.", self.interlock_trips));
        must_be(self.errors == 0, format!("{} errors; the lines above and the logs name them.", self.errors));
        sentences
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
