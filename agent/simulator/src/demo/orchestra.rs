//! The demo from the first file to the last line of output.

use super::interrupts::Interrupts;
use super::report::Summary;
use super::summary::{DeviceRow, Totals};
use super::town::{LOOK_MS, Programs, TICK_MS, Town};
use crate::street::fixed_time_mean_wait_s;
use anyhow::Result;
use flextraff_common::ids::DeviceId;
use std::collections::BTreeMap;
use std::io::Write;

/// After the street stops until everything must be stored, milliseconds.
const DRAIN_MS: i64 = 60_000;
/// Between two lines of progress, milliseconds.
const PROGRESS_MS: i64 = 3000;

/// What to run, and how.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    #[command(flatten)]
    programs: Programs,
    /// Stop by itself after so many seconds with all agents online
    #[arg(long = "for", value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=9_999_999))]
    for_s: Option<u64>,
    /// Decides arrivals, routes, tags and ids
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// Runs the demo. Progress and the summary go to `out`; `terminal`: somebody watches it. Whether every stage worked.
///
/// # Errors
/// When the city cannot be started, or the output is gone.
pub fn run(
    options: &Options,
    interrupts: &mut Interrupts,
    out: &mut dyn Write,
    terminal: bool,
) -> Result<bool> {
    let town = Town::new(&options.programs, options.seed, interrupts, out, terminal)?;
    let mut demo = Demo { options, town };
    let result = demo.perform();
    let Demo { mut town, .. } = demo;
    let summary = town.finish(result)?;
    let summary = Summary { errors: town.errors + town.logged_errors()? + summary.errors, ..summary };
    let shortfalls = summary.shortfalls(options.for_s);
    if !shortfalls.is_empty() {
        writeln!(town.out, "Logs are in {}.", town.folder.logs().display())?;
    }
    town.folder.clean_up(options.programs.keep)?;
    summary.print(town.out, &shortfalls)?;
    Ok(shortfalls.is_empty())
}

struct Demo<'a> {
    options: &'a Options,
    town: Town<'a>,
}

impl Demo<'_> {
    fn perform(&mut self) -> Result<Summary> {
        self.town.start()?;
        let (user, password) = self.town.api.login();
        writeln!(self.town.out, "Dashboard: {}\nLogin:     {user} / {password}", self.town.api.dashboard())?;
        match self.options.for_s {
            Some(seconds) => writeln!(self.town.out, "The street runs for {seconds} s.")?,
            None => writeln!(self.town.out, "Ctrl-C stops everything.")?,
        }
        self.town.out.flush()?;
        self.play()?;
        self.town.live.stop();
        let devices = self.town.drain(DRAIN_MS)?;
        let online = self.town.api.online().unwrap_or_else(|error| {
            self.town.problem(&format!("{error:#}"));
            Vec::new()
        });
        self.town.stop_agents();
        self.sum_up(devices, online.len() as u64)
    }

    /// The street, until its time is over, somebody stops it, or a program ends.
    fn play(&mut self) -> Result<()> {
        let start = self.town.clock.now();
        let end = self.options.for_s.map(|seconds| start + seconds as i64 * 1000);
        let (mut progress, mut look) = (start, start);
        self.town.live.start();
        loop {
            self.town.tick();
            let now = self.town.clock.now();
            if end.is_some_and(|end| now >= end) || self.town.interrupts.pause(TICK_MS) > 0 {
                break;
            }
            if now >= look {
                look = now + LOOK_MS as i64;
                let ended = self.town.ended_program();
                let broken = ended.or_else(|| {
                    (!self.town.live.working()).then(|| "the readers have stopped working".to_owned())
                });
                if let Some(sentence) = broken {
                    self.town.problem(&sentence);
                    break;
                }
            }
            if self.town.terminal && now >= progress {
                progress = now + PROGRESS_MS;
                self.progress(now.since(start) / 1000)?;
            }
        }
        if self.town.terminal {
            writeln!(self.town.out)?;
        }
        Ok(())
    }

    fn progress(&mut self, seconds: i64) -> Result<()> {
        let ((inside, entered), read) = (self.town.live.vehicles(), self.town.live.vehicles_read());
        let (lamps, _) = self.town.live.present();
        write!(
            self.town.out,
            "\r{:>3}:{:02}  {entered} vehicles came, {inside} are inside, {read} passages read, mean wait {:.1} s, {lamps} signals\u{1b}[K",
            seconds / 60,
            seconds % 60,
            self.town.live.mean_wait_s(),
        )?;
        Ok(self.town.out.flush()?)
    }

    fn sum_up(&mut self, mut devices: BTreeMap<DeviceId, DeviceRow>, agents_online: u64) -> Result<Summary> {
        let Totals { plans_applied, cycles_recorded, dead_letters } = self.town.records.totals()?;
        let tenth = |seconds: f64| (seconds * 10.0).round() / 10.0;
        let mut summary = Summary {
            junctions: self.town.city.places.len() as u64,
            agents_online,
            plans_applied,
            cycles_recorded,
            vehicles_read: self.town.live.vehicles_read(),
            mean_wait_s: tenth(self.town.live.mean_wait_s()),
            fixed_time_mean_wait_s: tenth(fixed_time_mean_wait_s(
                self.options.seed,
                self.town.live.street_time(),
            )),
            errors: dead_letters,
            ..Summary::default()
        };
        for last in self.town.records.devices()? {
            summary.vehicles_counted += last.vehicles_counted;
            let device = devices.remove(&last.device_id).unwrap_or(last);
            summary.counts_committed += device.counts_committed;
            let Some(status) = device.status else { continue };
            if let Some(outbox) = status.outbox {
                summary.counts_made += outbox.counts_made;
                summary.outbox_pending += outbox.rows;
            }
            summary.interlock_trips += status.controller.map_or(0, |controller| controller.interlock_trips);
        }
        Ok(summary)
    }
}
