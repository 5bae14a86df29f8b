//! Commands.

mod authority;
mod backup;
mod check;
mod config;
pub mod device;
mod export;
pub(crate) mod junction;
mod migrate;
mod openapi;
mod replay;
mod serve;
pub mod user;

use crate::config::Config;
use crate::db::setup;
use anyhow::Context as _;
use clap::{Parser, Subcommand};
use sqlx::PgPool;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

/// Exit code for a wrong command line or configuration; systemd does not restart on it.
const WRONG_CONFIG: u8 = 2;

/// The server of a city's traffic signals.
#[derive(Debug, Parser)]
#[command(name = "flextraff-server", version, about)]
pub struct Cli {
    /// Configuration file; every value may be overridden by an environment variable FLEXTRAFF_SECTION__KEY.
    /// [default: /etc/flextraff/server.toml, if it exists]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs the server.
    Serve,
    /// Brings the database up to date.
    Migrate,
    /// Checks configuration, database, broker and files.
    Check,
    /// Writes database, keys and configuration into a new folder, while the server runs.
    Backup(backup::BackupArgs),
    /// Brings them back, into an empty database.
    Restore(backup::RestoreArgs),
    /// Prints the effective configuration, secrets masked.
    Config,
    /// Reads and writes junctions.
    #[command(subcommand)]
    Junction(junction::JunctionCommand),
    /// Writes counts, cycles or days of a junction as CSV.
    Export(export::ExportArgs),
    /// Prints the OpenAPI document of the HTTP API as JSON.
    Openapi,
    /// Plays JSON lines of time and messages through ingest and planner on a given clock, and prints what they send.
    ///
    /// Needs no configuration, database or broker. The same input gives the same output.
    Replay(replay::ReplayArgs),
    /// Creates, lists, revokes and replaces devices, and makes the authority for their certificates.
    #[command(subcommand)]
    Device(DeviceOrAuthority),
    /// Creates and lists accounts.
    #[command(subcommand)]
    User(user::UserCommand),
}

/// What to do with devices, and what also works without a database.
#[derive(Debug, Subcommand)]
enum DeviceOrAuthority {
    /// Makes the authority that issues the certificates of devices: certificate and key, where [devices] names them.
    Ca,
    #[command(flatten)]
    Device(device::DeviceCommand),
}

/// Why a command failed.
enum Failure {
    /// Command line or configuration are wrong.
    Config(anyhow::Error),
    /// Something else.
    Other(anyhow::Error),
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::Other(error)
    }
}

/// Runs the command and says how it went.
pub fn run(cli: Cli) -> ExitCode {
    match execute(cli) {
        Ok(code) => code,
        Err(Failure::Config(error)) => {
            say_error(&error);
            ExitCode::from(WRONG_CONFIG)
        }
        Err(Failure::Other(error)) => {
            say_error(&error);
            ExitCode::FAILURE
        }
    }
}

fn execute(cli: Cli) -> Result<ExitCode, Failure> {
    if let Command::Replay(args) = &cli.command {
        return replay::run(args);
    }
    if let Command::Openapi = cli.command {
        return Ok(openapi::run()?);
    }
    let config_file = cli.config.clone().unwrap_or_else(|| crate::config::DEFAULT_FILE.into());
    let config = Config::load(cli.config.as_deref()).map_err(|error| Failure::Config(error.into()))?;
    if let Command::Config = cli.command {
        return Ok(config::run(&config)?);
    }
    if let Command::Device(DeviceOrAuthority::Ca) = cli.command {
        let runtime = tokio::runtime::Runtime::new().context("cannot start").map_err(Failure::Other)?;
        say(runtime.block_on(authority::run(&config))?.trim_end());
        return Ok(ExitCode::SUCCESS);
    }
    config.database.url().map_err(|error| Failure::Config(error.into()))?;
    let runtime = tokio::runtime::Runtime::new().context("cannot start").map_err(Failure::Other)?;
    runtime.block_on(async {
        match cli.command {
            Command::Serve => serve::run(config).await,
            Command::Check => Ok(check::run(&config).await?),
            Command::Backup(args) => {
                say(&backup::back_up(&args, &config, &config_file).await?);
                Ok(ExitCode::SUCCESS)
            }
            Command::Restore(args) => {
                say(&backup::restore(&args, &config, &config_file).await?);
                Ok(ExitCode::SUCCESS)
            }
            Command::Migrate => Ok(migrate::run(&database(&config).await?).await?),
            Command::Junction(command) => {
                let db = database(&config).await?;
                setup::prepare(&db, &config.database).await?;
                junction::run(command, &db).await
            }
            Command::Export(args) => {
                let db = database(&config).await?;
                setup::prepare(&db, &config.database).await?;
                export::run(&args, &db).await?;
                Ok(ExitCode::SUCCESS)
            }
            Command::Device(DeviceOrAuthority::Device(command)) => {
                let db = database(&config).await?;
                setup::prepare(&db, &config.database).await?;
                say(device::run(command, &db, config.mqtt.dynamic_security).await?.trim_end());
                Ok(ExitCode::SUCCESS)
            }
            Command::User(command) => {
                let db = database(&config).await?;
                setup::prepare(&db, &config.database).await?;
                user::run(command, &db).await?;
                Ok(ExitCode::SUCCESS)
            }
            Command::Config
            | Command::Openapi
            | Command::Replay(_)
            | Command::Device(DeviceOrAuthority::Ca) => Ok(ExitCode::SUCCESS),
        }
    })
}

async fn database(config: &Config) -> anyhow::Result<PgPool> {
    crate::logging::init(&config.log).context("cannot start logging")?;
    setup::connect(&config.database).await
}

fn say_error(error: &anyhow::Error) {
    let _ = writeln!(std::io::stderr(), "flextraff-server: {error:#}");
}

/// Prints a result. Whoever closes the pipe early has seen enough.
fn say(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}
