//! What runs in the demo city: street, server and agents, from the first file to the end of the last program.

use super::api::Api;
use super::broker::{admit, secret};
use super::child::{Environment, Program, error_lines, run as run_program};
use super::city::City;
use super::files::{Folder, write};
use super::interrupts::Interrupts;
use super::live::Live;
use super::services::Services;
use super::summary::{DeviceRow, Records};
use super::{agent_toml, files};
use crate::clock::Clock;
use anyhow::{Context, Result, bail};
use flextraff_common::ids::DeviceId;
use flextraff_common::time::MonoMs;
use rustix::process::Signal;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};

/// Between two looks at programs, broker and database, milliseconds.
pub(super) const LOOK_MS: u64 = 250;
/// Between two looks at lamps and traffic, milliseconds.
pub(super) const TICK_MS: u64 = 50;
/// For the server to answer, and for all agents to come online, milliseconds.
const START_MS: i64 = 120_000;
/// After the street stops: the last interval ends, settles, is flushed and sent. Milliseconds.
const SETTLE_MS: i64 = 9000;
/// For a program to end by itself, milliseconds.
const STOP_MS: i64 = 5000;
/// The smallest limit that an outbox may have.
const SMALLEST_OUTBOX_MB: u32 = 8;
/// How many ports are tried from the wanted one on.
const PORTS: u16 = 100;

/// The programs that run, and where their files go.
#[derive(Clone, Debug, clap::Args)]
pub struct Programs {
    /// Folder for configuration, outboxes and logs
    #[arg(long, value_name = "DIR")]
    pub dir: PathBuf,
    /// The program flextraff-agent
    #[arg(long, value_name = "PATH")]
    pub agent: PathBuf,
    /// The program flextraff-server
    #[arg(long, value_name = "PATH")]
    pub server: PathBuf,
    /// Port of the dashboard; the next free one when it is taken
    #[arg(long, default_value_t = 8000, value_parser = clap::value_parser!(u16).range(1..))]
    pub port: u16,
    /// Leave configuration and outboxes in the folder at the end
    #[arg(long)]
    pub keep: bool,
}

/// The city and everything that runs in it.
pub(super) struct Town<'a> {
    pub(super) programs: &'a Programs,
    pub(super) services: Services,
    pub(super) folder: Folder,
    pub(super) city: City,
    pub(super) live: Live,
    pub(super) api: Api,
    pub(super) records: Records,
    pub(super) server: Option<Program>,
    pub(super) agents: Vec<Program>,
    pub(super) clock: Clock,
    pub(super) interrupts: &'a mut Interrupts,
    pub(super) out: &'a mut dyn Write,
    /// Somebody watches the output.
    pub(super) terminal: bool,
    /// What went wrong.
    pub(super) errors: u64,
    /// Lamps and readers may be missing for a while: somebody is at work on them.
    pub(super) tolerant: bool,
    /// A junction whose outbox holds more than it may from the start.
    pub(super) overfull: Option<Overfull>,
    port: u16,
}

/// An outbox that an agent finds too full.
#[derive(Clone, Debug)]
pub(super) struct Overfull {
    pub(super) junction: usize,
    /// The program that fills it.
    pub(super) program: PathBuf,
    /// Count rows, more than [`SMALLEST_OUTBOX_MB`] hold.
    pub(super) rows: u64,
}

impl<'a> Town<'a> {
    /// A city of which nothing runs yet; `seed` decides arrivals, routes, tags and ids.
    ///
    /// # Errors
    /// When the services are missing, or the system has no room for its files, sockets and ports.
    pub(super) fn new(
        programs: &'a Programs,
        seed: u64,
        interrupts: &'a mut Interrupts,
        out: &'a mut dyn Write,
        terminal: bool,
    ) -> Result<Self> {
        let services = Services::read(|name| std::env::var(name).ok())?;
        let records = Records::new(services.database.clone())?;
        let folder = Folder::create(&programs.dir)?;
        let city = City::new(seed);
        let live = Live::new(&city, &folder, seed)?;
        let port = free_port(programs.port)?;
        Ok(Self {
            programs,
            services,
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
            tolerant: false,
            overfull: None,
            port,
        })
    }

    /// Writes the files and starts everything; the street stands still.
    ///
    /// # Errors
    /// When the city does not come up, or somebody stops it before.
    pub(super) fn start(&mut self) -> Result<()> {
        self.prepare()?;
        writeln!(self.out, "Starting the server …")?;
        self.start_server()?;
        writeln!(self.out, "Starting {} junctions …", self.city.places.len())?;
        self.start_agents()
    }

    /// Stops everything. Where the run has failed the files go, and the error says where the logs are.
    pub(super) fn finish<T>(&mut self, result: Result<T>) -> Result<T> {
        self.stop_all();
        result.or_else(|error| {
            self.folder.clean_up(self.programs.keep)?;
            Err(error.context(format!("logs are in {}", self.folder.logs().display())))
        })
    }

    /// Writes every file, and makes the broker know the agents.
    fn prepare(&mut self) -> Result<()> {
        let (services, port) = (&self.services, self.port);
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
            let overfull = self.overfull.as_ref().is_some_and(|outbox| outbox.junction == index);
            let max_mb = overfull.then_some(SMALLEST_OUTBOX_MB);
            let config = agent_toml::write(&self.city, index, &paths, &url, max_mb)?;
            files::write(&paths.config, config.as_bytes())?;
        }
        if let Some(Overfull { junction, program, rows }) = &self.overfull {
            let (config, rows) = (self.folder.agent(*junction).config, rows.to_string());
            let arguments = [config.as_os_str(), rows.as_ref()];
            run_program(
                "the program that fills an outbox",
                program,
                &arguments,
                &self.folder.log("backlog"),
            )?;
        }
        Ok(())
    }

    fn start_server(&mut self) -> Result<()> {
        self.server = Some(self.new_server()?);
        self.wait("the server has not become healthy", |town| Ok(town.api.healthy()))?;
        let (config, file) = (self.folder.path("server.toml"), self.folder.path("city.json"));
        let arguments = [
            "junction".as_ref(),
            "import".as_ref(),
            file.as_os_str(),
            "--config".as_ref(),
            config.as_os_str(),
        ];
        run_program("junction import", &self.programs.server, &arguments, &self.folder.log("import"))?;
        self.api.register_admin()
    }

    fn start_agents(&mut self) -> Result<()> {
        for index in 0..self.city.places.len() {
            let agent = self.agent(index)?;
            self.agents.push(agent);
        }
        self.wait_for_agents()
    }

    /// Starts the server.
    pub(super) fn new_server(&self) -> Result<Program> {
        let config = self.folder.path("server.toml");
        let arguments = ["serve".as_ref(), "--config".as_ref(), config.as_os_str()];
        let log = self.folder.log("server");
        Program::start("the server", &self.programs.server, &arguments, Environment::Server, log)
    }

    /// Starts the agent of a junction.
    pub(super) fn agent(&self, index: usize) -> Result<Program> {
        let config = self.folder.agent(index).config;
        Program::start(
            &format!("the agent of {}", self.city.places[index].name),
            &self.programs.agent,
            &["run".as_ref(), "--config".as_ref(), config.as_os_str()],
            Environment::Agent,
            self.folder.log(&format!("agent-{}", index + 1)),
        )
    }

    /// Waits until every agent is online, drives its lamps and listens to its readers.
    pub(super) fn wait_for_agents(&mut self) -> Result<()> {
        let junctions = self.city.places.len();
        let mut missing = String::new();
        let came = self.wait("not all agents are online", |town| {
            let (lamps, readers) = town.live.present();
            let online = town.api.online()?.len();
            missing = format!(
                "{online} online, lamps of {lamps} known, {readers} of {} readers open",
                junctions * 4
            );
            Ok(online == junctions && lamps == junctions && readers == junctions * 4)
        });
        came.with_context(|| missing)
    }

    /// Waits for a condition while everything runs on.
    pub(super) fn wait(
        &mut self,
        failure: &str,
        mut condition: impl FnMut(&mut Self) -> Result<bool>,
    ) -> Result<()> {
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

    /// Waits until every agent's counts are stored, or time is up, or stopping is asked for once more. Each device as it was when it
    /// was drained (an agent goes on counting nothing, so that no later moment is as telling), else as it was last.
    pub(super) fn drain(&mut self, at_most_ms: i64) -> Result<BTreeMap<DeviceId, DeviceRow>> {
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
            if waited > at_most_ms || given_up {
                break;
            }
        }
        Ok(devices)
    }

    pub(super) fn tick(&mut self) {
        self.live.tick();
        let problems = self.live.problems();
        if !self.tolerant {
            for problem in problems {
                self.problem(&problem);
            }
        }
    }

    /// Something that should not happen in a demo: it is said, and counts as an error.
    pub(super) fn problem(&mut self, sentence: &str) {
        self.errors += 1;
        let clear = if self.terminal { "\r\u{1b}[K" } else { "" };
        // Who does not listen any more misses it; the count stays.
        let _ = writeln!(self.out, "{clear}Problem: {sentence}");
    }

    /// The first program that has ended although nobody stopped it, with its last words.
    pub(super) fn ended_program(&mut self) -> Option<String> {
        self.server.iter_mut().chain(&mut self.agents).find_map(|program| {
            let status = program.ended()?;
            Some(format!("{} ended ({status}): {}", program.name, program.last_words()))
        })
    }

    pub(super) fn stop_agents(&mut self) {
        let agents = std::mem::take(&mut self.agents);
        self.stop(agents);
    }

    /// Stops whatever still runs, the server last.
    pub(super) fn stop_all(&mut self) {
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
    pub(super) fn logged_errors(&self) -> Result<u64> {
        let mut errors = 0;
        let logs = self.folder.logs();
        for entry in std::fs::read_dir(&logs).with_context(|| format!("listing {}", logs.display()))? {
            errors += errors_in(&entry?.path())?;
        }
        Ok(errors)
    }
}

fn free_port(wanted: u16) -> Result<u16> {
    (wanted..=wanted.saturating_add(PORTS))
        .find(|&port| TcpListener::bind(("127.0.0.1", port)).is_ok())
        .with_context(|| format!("no port from {wanted} on is free; name another with --port"))
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
