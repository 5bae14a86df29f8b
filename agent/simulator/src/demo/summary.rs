//! What the server has stored of the demo. All SQL of the simulator is here; it runs in PostgreSQL's own client, next to the private
//! database.

use super::broker::find_program;
use super::services::Database;
use anyhow::{Context, Result, bail};
use flextraff_common::ids::{DeviceId, JunctionId, LaneId};
use flextraff_common::time::UnixMs;
use flextraff_common::wire::Status;
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// One row for each device that is not revoked: its latest status, and what is stored of its counts.
const DEVICES: &str = "\
SELECT coalesce(json_agg(json_build_object(
    'device_id', d.device_id,
    'status', d.last_status,
    'counts_committed', (SELECT count(*) FROM car_counts c WHERE c.device_id = d.device_id AND c.outbox_id =
        (SELECT n.outbox_id FROM car_counts n WHERE n.device_id = d.device_id ORDER BY n.received_at DESC LIMIT 1)),
    'counts_dropped', (SELECT coalesce(sum(g.rows_lost), 0) FROM count_gaps g WHERE g.device_id = d.device_id
        AND g.reason LIKE 'the outbox was full: counts%' AND g.outbox_id =
        (SELECT n.outbox_id FROM car_counts n WHERE n.device_id = d.device_id ORDER BY n.received_at DESC LIMIT 1)),
    'vehicles_counted', (SELECT coalesce(sum(c.vehicle_count), 0) FROM car_counts c WHERE c.device_id = d.device_id)
) ORDER BY d.device_id), '[]')
FROM edge_devices d WHERE d.revoked_at IS NULL";

/// Every count row of the devices.
const COUNTS: &str = "\
SELECT coalesce(json_agg(json_build_object(
    'junction_id', junction_id, 'lane_id', lane_id,
    'start', (extract(epoch FROM interval_start) * 1000)::bigint, 'end', (extract(epoch FROM ts) * 1000)::bigint,
    'observed_s', observed_s, 'epcs', epc_ids,
    't_ms', (SELECT coalesce(json_agg((p->>'t_ms')::bigint ORDER BY at), '[]')
        FROM json_array_elements(coalesce(passages, '[]')) WITH ORDINALITY AS p (p, at))
)), '[]')
FROM car_counts WHERE device_id IS NOT NULL";

/// What devices say that they have lost.
const GAPS: &str = "\
SELECT coalesce(json_agg(json_build_object(
    'junction_id', junction_id,
    'from', (extract(epoch FROM gap_from) * 1000)::bigint, 'to', (extract(epoch FROM gap_to) * 1000)::bigint
)), '[]')
FROM count_gaps";

/// Rows that are stored more than once under the same key, and rows whose number of vehicles is not that of their tags.
const BROKEN: &str = "\
SELECT json_build_object(
    'repeated', (SELECT count(*) - count(DISTINCT (device_id, outbox_id, seq)) FROM car_counts WHERE device_id IS NOT NULL),
    'flagged', (SELECT count(*) FROM car_counts WHERE vehicle_count <> cardinality(epc_ids) OR flagged IS NOT NULL)
)";

/// Of the first rows of a device's only outbox those that are stored, and of all its counts those that a limit is said to have dropped.
const BACKLOG: &str = "\
SELECT json_build_object(
    'stored', (SELECT count(DISTINCT (outbox_id, seq)) FROM car_counts WHERE device_id = '{device}' AND seq <= {rows}),
    'dropped', (SELECT coalesce(sum(rows_lost), 0) FROM count_gaps
        WHERE device_id = '{device}' AND reason LIKE 'the outbox was full: counts%')
)";

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
    /// Count rows of its newest outbox.
    pub(super) counts_committed: u64,
    /// Count rows of it that a limit has dropped, as its gaps say.
    counts_dropped: u64,
    pub(super) vehicles_counted: u64,
}

impl DeviceRow {
    /// Whether everything that the device made, and no limit has dropped, is stored, by its own word.
    pub(super) fn drained(&self) -> bool {
        let outbox = self.status.as_ref().and_then(|status| status.outbox.as_ref());
        outbox.is_some_and(|outbox| {
            outbox.rows == 0 && outbox.counts_made == self.counts_committed + self.counts_dropped
        })
    }
}

/// Numbers of the whole city.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub(super) struct Totals {
    pub(super) plans_applied: u64,
    pub(super) cycles_recorded: u64,
    pub(super) dead_letters: u64,
}

/// A stored count of one lane and interval.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct CountRow {
    pub(super) junction_id: JunctionId,
    pub(super) lane_id: LaneId,
    #[serde(deserialize_with = "millis")]
    pub(super) start: UnixMs,
    #[serde(deserialize_with = "millis")]
    pub(super) end: UnixMs,
    pub(super) observed_s: f64,
    pub(super) epcs: Vec<String>,
    /// Of each tag the first read, milliseconds from the start.
    pub(super) t_ms: Vec<i64>,
}

impl CountRow {
    /// Its tags, and when each was read first.
    pub(super) fn passages(&self) -> impl Iterator<Item = (&str, UnixMs)> {
        self.epcs.iter().map(String::as_str).zip(self.t_ms.iter().map(|t_ms| self.start + *t_ms))
    }
}

/// A time for which a device says that it has lost rows.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(super) struct GapRow {
    pub(super) junction_id: JunctionId,
    #[serde(deserialize_with = "maybe_millis")]
    pub(super) from: Option<UnixMs>,
    #[serde(deserialize_with = "maybe_millis")]
    pub(super) to: Option<UnixMs>,
}

impl GapRow {
    /// Whether it speaks of a moment at a junction, give or take `apart_ms`. One that does not say from when to when speaks of none.
    pub(super) fn holds(&self, junction: JunctionId, at: UnixMs, apart_ms: i64) -> bool {
        self.junction_id == junction
            && self.from.is_some_and(|from| at.since(from) >= -apart_ms)
            && self.to.is_some_and(|to| at.since(to) <= apart_ms)
    }
}

/// What became of rows that were too many for an outbox.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub(super) struct Backlog {
    pub(super) stored: u64,
    pub(super) dropped: u64,
}

/// What must not be.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub(super) struct Broken {
    pub(super) repeated: u64,
    pub(super) flagged: u64,
}

fn millis<'de, D: serde::Deserializer<'de>>(from: D) -> Result<UnixMs, D::Error> {
    i64::deserialize(from).map(UnixMs)
}

fn maybe_millis<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<UnixMs>, D::Error> {
    Ok(Option::<i64>::deserialize(from)?.map(UnixMs))
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

    /// Every count.
    pub(super) fn counts(&self) -> Result<Vec<CountRow>> {
        let answer = self.query(COUNTS)?;
        serde_json::from_str(&answer).context("reading the counts from the database")
    }

    /// Every gap.
    pub(super) fn gaps(&self) -> Result<Vec<GapRow>> {
        let answer = self.query(GAPS)?;
        serde_json::from_str(&answer).context("reading the gaps from the database")
    }

    /// What must not be.
    pub(super) fn broken(&self) -> Result<Broken> {
        let answer = self.query(BROKEN)?;
        serde_json::from_str(&answer).context("reading from the database what must not be in it")
    }

    /// What became of the first `rows` rows of a device, all of one outbox.
    pub(super) fn backlog(&self, device: DeviceId, rows: u64) -> Result<Backlog> {
        let query = BACKLOG.replace("{device}", &device.to_string()).replace("{rows}", &rows.to_string());
        let answer = self.query(&query)?;
        serde_json::from_str(&answer).context("reading from the database what became of a full outbox")
    }

    /// Numbers of the city.
    pub(super) fn totals(&self) -> Result<Totals> {
        let answer = self.query(TOTALS)?;
        serde_json::from_str(&answer).context("reading what the database says of the city")
    }

    /// Makes every table to come lie in a folder, which belongs to PostgreSQL's user.
    pub(super) fn keep_tables_in(&self, folder: &Path) -> Result<()> {
        let folder = folder.to_str().context("the folder for the tables has a name that is no text")?;
        self.query(&format!("CREATE TABLESPACE flextraff LOCATION '{}'", folder.replace('\'', "''")))?;
        let name = self.database.name.replace('"', "\"\"");
        self.query(&format!("ALTER DATABASE \"{name}\" SET default_tablespace = flextraff"))?;
        Ok(())
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
