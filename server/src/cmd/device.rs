//! `flextraff-server device`: devices, from the server's own machine. A running server sees what changes within seconds.

use crate::auth::EnrolmentToken;
use crate::clock::Clock;
use crate::db::audit::Actor;
use crate::db::devices_api::{self, DeviceRow, NewDevice};
use crate::db::junction_api;
use crate::fleet::register::{self, Created, MOST_TOKEN_HOURS, TOKEN_HOURS, TYPES};
use anyhow::{Context as _, bail, ensure};
use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand};
use flextraff_common::ids::{DeviceId, JunctionId};
use sqlx::PgPool;
use std::fmt::Write as _;
use uuid::Uuid;

/// Devices that one question to the database brings.
const PAGE: i64 = 500;

/// What to do with devices.
#[derive(Debug, Subcommand)]
pub enum DeviceCommand {
    /// Creates a device and prints a one-time token with which its agent enrols.
    Enroll(Enroll),
    /// Lists all devices, the newest first.
    List,
    /// Stops listening to a device; its login at the broker ends.
    Revoke {
        /// Its id.
        #[arg(long)]
        device: Uuid,
    },
    /// Gives a device another machine or card: prints a new token for the same id; the login that it had ends.
    Replace {
        /// Its id.
        #[arg(long)]
        device: Uuid,
        /// For how many hours the token holds.
        #[arg(long, default_value_t = TOKEN_HOURS, value_parser = clap::value_parser!(i32).range(1..=i64::from(MOST_TOKEN_HOURS)))]
        hours: i32,
    },
}

/// A device to create.
#[derive(Debug, Args)]
pub struct Enroll {
    /// Id of its junction.
    #[arg(long)]
    junction: Uuid,
    /// Its id; left out: a new one.
    #[arg(long)]
    device: Option<Uuid>,
    /// What it does.
    #[arg(long = "type", default_value = TYPES[0], value_parser = PossibleValuesParser::new(TYPES))]
    device_type: String,
    /// Its name for people.
    #[arg(long)]
    name: Option<String>,
    /// A lane that it serves; may be given several times. Without any it serves all.
    #[arg(long = "lane")]
    lanes: Vec<Uuid>,
    /// For how many hours the token holds.
    #[arg(long, default_value_t = TOKEN_HOURS, value_parser = clap::value_parser!(i32).range(1..=i64::from(MOST_TOKEN_HOURS)))]
    hours: i32,
}

/// Does it and returns what to print. `enrols`: whether the server keeps the broker's logins.
///
/// # Errors
/// A sentence for the person at the terminal.
pub async fn run(command: DeviceCommand, db: &PgPool, enrols: bool) -> anyhow::Result<String> {
    match command {
        DeviceCommand::Enroll(device) => create(device, db, enrols).await,
        DeviceCommand::List => list(db).await,
        DeviceCommand::Revoke { device } => {
            let known = register::revoke(db, &Actor::command_line(), DeviceId(device), Clock.utc()).await?;
            ensure!(known, unknown(device));
            Ok(format!("Device {device} is revoked.\n"))
        }
        DeviceCommand::Replace { device, hours } => {
            ensure!(
                enrols,
                "the server does not keep the broker's logins ([mqtt] dynamic_security): give the device a new password there"
            );
            let replaced =
                register::replace(db, &Actor::command_line(), DeviceId(device), hours, Clock.utc()).await?;
            let (row, token) = replaced.with_context(|| unknown(device))?;
            Ok(told(&row, Some(&token)))
        }
    }
}

fn unknown(device: Uuid) -> String {
    format!("there is no device {device}; `flextraff-server device list` shows all")
}

async fn create(device: Enroll, db: &PgPool, enrols: bool) -> anyhow::Result<String> {
    let junction = JunctionId(device.junction);
    let known = junction_api::get(db, junction).await?;
    ensure!(known.is_some(), "there is no junction {junction}; `flextraff-server junction export` shows all");
    let name = device.name.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty());
    ensure!(
        name.as_ref().is_none_or(|name| name.chars().count() <= 200 && !name.chars().any(char::is_control)),
        "a name has at most 200 characters and no control characters"
    );
    let new = NewDevice {
        device_id: DeviceId(device.device.unwrap_or_else(Uuid::new_v4)),
        junction_id: junction,
        device_type: TYPES.into_iter().find(|known| *known == device.device_type).unwrap_or(TYPES[0]),
        device_name: name,
        lanes: device.lanes,
    };
    let hours = enrols.then_some(device.hours);
    match register::create(db, &Actor::command_line(), &new, hours, Clock.utc()).await? {
        Created::Device(row, token) => Ok(told(&row, token.as_ref())),
        Created::Taken => bail!("there is a device {} already; replace it, or revoke it", new.device_id),
        Created::ForeignLanes(lanes) => bail!("these are not lanes of the junction: {lanes:?}"),
    }
}

fn told(device: &DeviceRow, token: Option<&EnrolmentToken>) -> String {
    let mut text = format!("device    {}\njunction  {}\n", device.device_id, device.junction_id);
    match (token, device.token_until) {
        (Some(token), Some(until)) => {
            let until = until.format("%Y-%m-%d %H:%M UTC");
            let _ = writeln!(text, "token     {}\nIt works once, until {until}, and is not shown again.", token.text());
        }
        _ => text.push_str(
            "The server does not keep the broker's logins ([mqtt] dynamic_security): give the device one there.\n",
        ),
    }
    text
}

async fn list(db: &PgPool) -> anyhow::Result<String> {
    let mut text = String::new();
    let mut after = None;
    loop {
        let page = devices_api::list(db, None, after, PAGE).await.context("reading devices")?;
        for device in &page {
            let state = if device.revoked_at.is_some() { "revoked" } else { &device.status };
            let name = device.device_name.as_deref().unwrap_or_default();
            let DeviceRow { device_id, junction_id, device_type, .. } = device;
            let _ = writeln!(text, "{device_id}  {device_type:<16}  {state:<11}  at {junction_id}  {name}");
        }
        after = page.last().map(|device| (device.created_at, device.device_id));
        if after.is_none() {
            return Ok(text);
        }
    }
}
