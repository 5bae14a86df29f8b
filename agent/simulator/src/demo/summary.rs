//! What the server has stored of the demo. All SQL of the simulator is here; it runs in PostgreSQL's own client, next to the private
//! database.

use super::broker::find_program;
use super::services::Database;
use anyhow::{Context, Result, bail};
use flextraff_common::ids::DeviceId;
use flextraff_common::wire::Status;
use serde::Deserialize;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// One row for each device that is not revoked: its latest status, and what is stored of its counts.
const DEVICES: &str = "\
SELECT coalesce(json_agg(json_build_object(
    'device_id', d.device_id,
    'status', d.last_status,
    'counts_committed', (SELECT count(*) FROM car_counts c WHERE c.device_id = d.device_id),
    'vehicles_counted', (SELECT coalesce(sum(c.vehicle_count), 0) FROM car_counts c WHERE c.device_id = d.device_id)
) ORDER BY d.device_id), '[]')
FROM edge_devices d WHERE d.revoked_at IS NULL";

/// A plan that was superseded by its time counts when the road had confirmed it.
const TOTALS: &str = "\
SELECT json_build_object(
    'plans_applied', (SELECT count(*) FROM green_times
        WHERE state = 'running' OR (state = 'expired' AND confirmed_at IS NOT NULL)),
    'cycles_recorded', (SELECT count(*) FROM traffic_cycles),
    'dead_letters', (SELECT count(*) FROM dead_letters)
)";

/// A device as the server knows it.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct DeviceRow {
    pub(super) device_id: DeviceId,
    /// Its latest status message; absent until it has sent one.
    pub(super) status: Option<Status>,
    pub(super) counts_committed: u64,
    pub(super) vehicles_counted: u64,
}

impl DeviceRow {
    /// Whether everything that the device made is stored, by its own word.
    pub(super) fn drained(&self) -> bool {
        let outbox = self.status.as_ref().and_then(|status| status.outbox.as_ref());
        outbox.is_some_and(|outbox| outbox.rows == 0 && outbox.counts_made == self.counts_committed)
    }
}

/// Numbers of the whole city.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub(super) struct Totals {
    pub(super) plans_applied: u64,
    pub(super) cycles_recorded: u64,
    pub(super) dead_letters: u64,
}

/// The private database.
#[derive(Debug)]
pub(super) struct Records {
    psql: PathBuf,
    database: Database,
}

impl Records {
    /// # Errors
    /// When PostgreSQL's client is not installed.
    pub(super) fn new(database: Database) -> Result<Self> {
        let psql = find_program("psql")
            .context("psql is not installed; it comes with the package postgresql-client")?;
        Ok(Self { psql, database })
    }

    /// Every device.
    pub(super) fn devices(&self) -> Result<Vec<DeviceRow>> {
        let answer = self.query(DEVICES)?;
        serde_json::from_str(&answer).context("reading what the database says of the devices")
    }

    /// Numbers of the city.
    pub(super) fn totals(&self) -> Result<Totals> {
        let answer = self.query(TOTALS)?;
        serde_json::from_str(&answer).context("reading what the database says of the city")
    }

    fn query(&self, sql: &str) -> Result<String> {
        let Database { user, password, host, port, name } = &self.database;
        let output = Command::new(&self.psql)
            .args(["-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1", "-c", sql])
            .envs([("PGHOST", host), ("PGPORT", port), ("PGUSER", user), ("PGDATABASE", name)])
            // By the environment: an argument list is open to everybody.
            .env("PGPASSWORD", password)
            .env("PGCONNECT_TIMEOUT", "10")
            .stdin(Stdio::null())
            .output()
            .context("starting psql")?;
        if !output.status.success() {
            bail!("asking the database failed: {}", String::from_utf8_lossy(&output.stderr).trim());
        }
        String::from_utf8(output.stdout).context("the database answered with what is no text")
    }
}
