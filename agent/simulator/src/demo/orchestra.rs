//! The demo from the first file to the last line of output.

use super::api::Api;
use super::broker::{admit, secret};
use super::child::{Environment, Program, error_lines, run as run_program};
use super::city::City;
use super::files::{Folder, write};
use super::interrupts::Interrupts;
use super::live::Live;
use super::report::Summary;
use super::services::Services;
use super::summary::{DeviceRow, Records, Totals};
use super::{agent_toml, files};
use crate::clock::Clock;
use crate::street::fixed_time_mean_wait_s;
use anyhow::{Context, Result, bail};
use flextraff_common::ids::DeviceId;
use flextraff_common::time::MonoMs;
use rustix::process::Signal;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};

/// Between two looks at programs, broker and database, milliseconds.
const LOOK_MS: u64 = 250;
/// Between two looks at lamps and traffic, milliseconds.
const TICK_MS: u64 = 50;
/// For the server to answer, and for all agents to come online, milliseconds.
const START_MS: i64 = 120_000;
/// After the street stops: the last interval ends, settles, is flushed and sent. Milliseconds.
const SETTLE_MS: i64 = 9000;
/// After the street stops until everything must be stored, milliseconds.
const DRAIN_MS: i64 = 60_000;
/// For a program to end by itself, milliseconds.
const STOP_MS: i64 = 5000;
/// Between two lines of progress, milliseconds.
const PROGRESS_MS: i64 = 3000;
/// How many ports are tried from the wanted one on.
const PORTS: u16 = 100;

/// What to run, and how.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// Folder for configuration, outboxes and logs
    #[arg(long, value_name = "DIR")]
    pub dir: PathBuf,
    /// Stop by itself after so many seconds with all agents online
    #[arg(long = "for", value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=9_999_999))]
    pub for_s: Option<u64>,
    /// Port of the dashboard; the next free one when it is taken
    #[arg(long, default_value_t = 8000, value_parser = clap::value_parser!(u16).range(1..))]
    pub port: u16,
    /// The program flextraff-agent
    #[arg(long, value_name = "PATH")]
    pub agent: PathBuf,
    /// The program flextraff-server
    #[arg(long, value_name = "PATH")]
    pub server: PathBuf,
    /// Leave configuration and outboxes in the folder at the end
    #[arg(long)]
    pub keep: bool,
    /// Decides arrivals, routes, tags and ids
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
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
    let services = Services::read(|name| std::env::var(name).ok())?;
    let records = Records::new(services.database.clone())?;
    let folder = Folder::create(&options.dir)?;
    let city = City::new(options.seed);
    let live = Live::new(&city, &folder, options.seed)?;
    let port = free_port(options.port)?;
    let mut demo = Demo {
        options,
        api: Api::new(port, secret(20)),
        folder,
        city,
        live,
        records,
        server: None,
        agents: Vec::new(),
        clock: Clock::start(),
        interrupts,
        out,
        terminal,
        errors: 0,
    };
    let result = demo.perform(&services, port);
    demo.stop_all();
    let summary = match result {
        Ok(summary) => summary,
        Err(error) => {
            demo.folder.clean_up(options.keep)?;
            return Err(error.context(format!("logs are in {}", demo.folder.logs().display())));
        }
    };
    let summary = Summary { errors: demo.errors + demo.logged_errors()? + summary.errors, ..summary };
    let shortfalls = summary.shortfalls(options.for_s);
    if !shortfalls.is_empty() {
        writeln!(demo.out, "Logs are in {}.", demo.folder.logs().display())?;
    }
    demo.folder.clean_up(options.keep)?;
    summary.print(demo.out, &shortfalls)?;
    Ok(shortfalls.is_empty())
}

fn free_port(wanted: u16) -> Result<u16> {
    (wanted..=wanted.saturating_add(PORTS))
        .find(|&port| TcpListener::bind(("127.0.0.1", port)).is_ok())
        .with_context(|| format!("no port from {wanted} on is free; name another with --port"))
}

struct Demo<'a> {
    options: &'a Options,
    folder: Folder,
    city: City,
    live: Live,
    api: Api,
    records: Records,
    server: Option<Program>,
    agents: Vec<Program>,
    clock: Clock,
    interrupts: &'a mut Interrupts,
    out: &'a mut dyn Write,
    terminal: bool,
    errors: u64,
}

impl Demo<'_> {
    fn perform(&mut self, services: &Services, port: u16) -> Result<Summary> {
        self.prepare(services, port)?;
        writeln!(self.out, "Starting the server …")?;
        self.start_server()?;
        writeln!(self.out, "Starting {} junctions …", self.city.places.len())?;
        self.start_agents()?;
        let (user, password) = self.api.login();
        writeln!(self.out, "Dashboard: {}\nLogin:     {user} / {password}", self.api.dashboard())?;
        match self.options.for_s {
            Some(seconds) => writeln!(self.out, "The street runs for {seconds} s.")?,
            None => writeln!(self.out, "Ctrl-C stops everything.")?,
        }
        self.out.flush()?;
        self.play()?;
        self.live.stop();
        let devices = self.drain()?;
        let online = self.api.online().unwrap_or_else(|error| {
            self.problem(&format!("{error:#}"));
            Vec::new()
        });
        self.stop_agents();
        self.sum_up(devices, online.len() as u64)
    }

    /// Writes every file, and makes the broker know the agents.
    fn prepare(&mut self, services: &Services, port: u16) -> Result<()> {
        let key = self.folder.path("secret-key");
        write(&key, secret(64).as_bytes())?;
        let server = format!(
            "[http]\nbind = \"127.0.0.1:{port}\"\n\n[auth]\nsecret_key_file = {}\n",
            toml::Value::String(key.display().to_string())
        );
        write(&self.folder.path("server.toml"), server.as_bytes())?;
        let city = serde_json::to_vec_pretty(&self.city.server_file())?;
        write(&self.folder.path("city.json"), &city)?;
        let passwords = admit(&self.city, services, &self.folder.path("mqtt-users"))?;
        let url = format!("mqtt://127.0.0.1:{}", services.mqtt_port);
        for (index, password) in passwords.iter().enumerate() {
            let paths = self.folder.agent(index);
            files::write(&paths.password, password.as_bytes())?;
            files::write(&paths.config, agent_toml::write(&self.city, index, &paths, &url)?.as_bytes())?;
        }
        Ok(())
    }

    fn start_server(&mut self) -> Result<()> {
        let config = self.folder.path("server.toml");
        let arguments = ["serve", "--config"].map(OsStr::new);
        self.server = Some(Program::start(
            "the server",
            &self.options.server,
            &[arguments[0], arguments[1], config.as_os_str()],
            Environment::Server,
            self.folder.log("server"),
        )?);
        self.wait("the server has not become healthy", |demo| Ok(demo.api.healthy()))?;
        let file = self.folder.path("city.json");
        let arguments = [
            "junction".as_ref(),
            "import".as_ref(),
            file.as_os_str(),
            "--config".as_ref(),
            config.as_os_str(),
        ];
        run_program("junction import", &self.options.server, &arguments, &self.folder.log("import"))?;
        self.api.register_admin()
    }

    fn start_agents(&mut self) -> Result<()> {
        for (index, place) in self.city.places.iter().enumerate() {
            let config = self.folder.agent(index).config;
            self.agents.push(Program::start(
                &format!("the agent of {}", place.name),
                &self.options.agent,
                &["run".as_ref(), "--config".as_ref(), config.as_os_str()],
                Environment::Agent,
                self.folder.log(&format!("agent-{}", index + 1)),
            )?);
        }
        let junctions = self.city.places.len();
        let mut missing = String::new();
        let came = self.wait("not all agents are online", |demo| {
            let (lamps, readers) = demo.live.present();
            let online = demo.api.online()?.len();
            missing = format!(
                "{online} online, lamps of {lamps} known, {readers} of {} readers open",
                junctions * 4
            );
            Ok(online == junctions && lamps == junctions && readers == junctions * 4)
        });
        came.with_context(|| missing)
    }

    /// Waits for a condition while everything runs on.
    fn wait(&mut self, failure: &str, mut condition: impl FnMut(&mut Self) -> Result<bool>) -> Result<()> {
        let deadline = self.clock.now() + START_MS;
        loop {
            self.tick();
            if let Some(end) = self.ended_program() {
                bail!("{end}");
            }
            if condition(self)? {
                return Ok(());
            }
            if self.clock.now() > deadline {
                bail!("{failure} after {} s", START_MS / 1000);
            }
            if self.interrupts.pause(LOOK_MS) > 0 {
                bail!("stopped before the city was up");
            }
        }
    }

    /// The street, until its time is over, somebody stops it, or a program ends.
    fn play(&mut self) -> Result<()> {
        let start = self.clock.now();
        let end = self.options.for_s.map(|seconds| start + seconds as i64 * 1000);
        let (mut progress, mut look) = (start, start);
        self.live.start();
        loop {
            self.tick();
            let now = self.clock.now();
            if end.is_some_and(|end| now >= end) || self.interrupts.pause(TICK_MS) > 0 {
                break;
            }
            if now >= look {
                look = now + LOOK_MS as i64;
                let ended = self.ended_program();
                let broken = ended.or_else(|| {
                    (!self.live.working()).then(|| "the readers have stopped working".to_owned())
                });
                if let Some(sentence) = broken {
                    self.problem(&sentence);
                    break;
                }
            }
            if self.terminal && now >= progress {
                progress = now + PROGRESS_MS;
                self.progress(now.since(start) / 1000)?;
            }
        }
        if self.terminal {
            writeln!(self.out)?;
        }
        Ok(())
    }

    fn progress(&mut self, seconds: i64) -> Result<()> {
        let ((inside, entered), read) = (self.live.vehicles(), self.live.vehicles_read());
        let (lamps, _) = self.live.present();
        write!(
            self.out,
            "\r{:>3}:{:02}  {entered} vehicles came, {inside} are inside, {read} passages read, mean wait {:.1} s, {lamps} signals\u{1b}[K",
            seconds / 60,
            seconds % 60,
            self.live.mean_wait_s(),
        )?;
        Ok(self.out.flush()?)
    }

    /// Waits until every agent's counts are stored, or time is up, or stopping is asked for once more. Each device as it was when it
    /// was drained (an agent goes on counting nothing, so that no later moment is as telling), else as it was last.
    fn drain(&mut self) -> Result<BTreeMap<DeviceId, DeviceRow>> {
        writeln!(self.out, "The street has stopped; waiting for the outboxes to drain …")?;
        self.out.flush()?;
        let (start, asked) = (self.clock.now(), self.interrupts.asked());
        let mut devices: BTreeMap<DeviceId, DeviceRow> = BTreeMap::new();
        loop {
            self.tick();
            let waited = self.clock.now().since(start);
            if waited >= SETTLE_MS {
                for device in self.records.devices()? {
                    let known = devices.entry(device.device_id).or_insert_with(|| device.clone());
                    if !known.drained() {
                        *known = device;
                    }
                }
                if !devices.is_empty() && devices.values().all(DeviceRow::drained) {
                    break;
                }
            }
            let given_up = self.ended_program().is_some() || self.interrupts.pause(LOOK_MS) > asked;
            if waited > DRAIN_MS || given_up {
                break;
            }
        }
        Ok(devices)
    }

    fn sum_up(&mut self, mut devices: BTreeMap<DeviceId, DeviceRow>, agents_online: u64) -> Result<Summary> {
        let Totals { plans_applied, cycles_recorded, dead_letters } = self.records.totals()?;
        let tenth = |seconds: f64| (seconds * 10.0).round() / 10.0;
        let mut summary = Summary {
            junctions: self.city.places.len() as u64,
            agents_online,
            plans_applied,
            cycles_recorded,
            vehicles_read: self.live.vehicles_read(),
            mean_wait_s: tenth(self.live.mean_wait_s()),
            fixed_time_mean_wait_s: tenth(fixed_time_mean_wait_s(self.options.seed, self.live.street_time())),
            errors: dead_letters,
            ..Summary::default()
        };
        for last in self.records.devices()? {
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

    fn tick(&mut self) {
        self.live.tick();
        for problem in self.live.problems() {
            self.problem(&problem);
        }
    }

    /// Something that should not happen in a demo: it is said, and counts as an error.
    fn problem(&mut self, sentence: &str) {
        self.errors += 1;
        let clear = if self.terminal { "\r\u{1b}[K" } else { "" };
        // Who does not listen any more misses it; the count stays.
        let _ = writeln!(self.out, "{clear}Problem: {sentence}");
    }

    /// The first program that has ended although nobody stopped it, with its last words.
    fn ended_program(&mut self) -> Option<String> {
        self.server.iter_mut().chain(&mut self.agents).find_map(|program| {
            let status = program.ended()?;
            Some(format!("{} ended ({status}): {}", program.name, program.last_words()))
        })
    }

    fn stop_agents(&mut self) {
        let agents = std::mem::take(&mut self.agents);
        self.stop(agents);
    }

    /// Stops whatever still runs, the server last.
    fn stop_all(&mut self) {
        self.stop_agents();
        let server = self.server.take();
        self.stop(server.into_iter().collect());
    }

    /// Asks programs to end, kills what has not ended in time, and says which did not end well.
    fn stop(&mut self, mut programs: Vec<Program>) {
        let running: Vec<bool> = programs.iter_mut().map(|program| program.ended().is_none()).collect();
        for program in &mut programs {
            program.signal(Signal::TERM);
        }
        let deadline: MonoMs = self.clock.now() + STOP_MS;
        while programs.iter_mut().any(|program| program.ended().is_none()) && self.clock.now() < deadline {
            self.live.tick();
            self.interrupts.pause(TICK_MS);
        }
        for (program, ran) in programs.iter_mut().zip(running) {
            match program.ended() {
                None => self.problem(&format!("{} did not end within {} s", program.name, STOP_MS / 1000)),
                Some(status) if ran && !status.success() => {
                    self.problem(&format!("{} ended badly when stopped ({status})", program.name));
                }
                Some(_) => {}
            }
        }
    }

    /// Lines of level ERROR in all logs.
    fn logged_errors(&self) -> Result<u64> {
        let mut errors = 0;
        let logs = self.folder.logs();
        for entry in std::fs::read_dir(&logs).with_context(|| format!("listing {}", logs.display()))? {
            errors += errors_in(&entry?.path())?;
        }
        Ok(errors)
    }
}

fn errors_in(log: &Path) -> Result<u64> {
    let context = || format!("reading {}", log.display());
    let mut lines = BufReader::new(File::open(log).with_context(context)?);
    let (mut errors, mut line) = (0, Vec::new());
    while lines.read_until(b'\n', &mut line).with_context(context)? > 0 {
        errors += error_lines(&String::from_utf8_lossy(&line));
        line.clear();
    }
    Ok(errors)
}
