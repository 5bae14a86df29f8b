//! Fills the outbox of a configuration with counts of an uptime that is over, as many as its second argument says, whatever its limit: what
//! an agent finds that was without a server for long, or whose limit has been lowered. No agent may run on it.

use anyhow::{Context, Result, ensure};
use flextraff_agent::clock::Clock;
use flextraff_agent::outbox::{Batch, CountsRow, Outbox, RowBody, Setup};
use flextraff_common::ids::{BootId, OutboxId};
use flextraff_common::time::{ClockState, Moment, MonoMs};
use flextraff_common::wire::Passage;
use std::path::Path;
use uuid::Uuid;

/// Length of an interval, milliseconds.
const INTERVAL_MS: i64 = 5000;
/// Between the end of the last interval and now, milliseconds.
const AGO_MS: i64 = 60_000;
/// Rows of one commit.
const PIECE: usize = 1000;
/// No limit.
const ENOUGH_BYTES: u64 = 1 << 40;

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let file = arguments.next().context("the first argument is a configuration file")?;
    let rows: usize =
        arguments.next().and_then(|text| text.parse().ok()).context("the second is a number of rows")?;
    let config = flextraff_agent::config::load(Path::new(&file))?;
    let lanes: Vec<_> = config.junction.lanes().iter().map(|lane| lane.id).collect();
    let intervals = rows.div_ceil(lanes.len()) as i64;
    let end = MonoMs(intervals * INTERVAL_MS + AGO_MS);
    let wall = Clock::new(config.clock_trust).now().wall;
    let now = Moment { mono: end, wall, clock: ClockState::Synced };
    let setup = Setup {
        path: config.outbox.path.clone(),
        max_bytes: ENOUGH_BYTES,
        device: config.device,
        junction: config.junction.id,
        new_outbox_id: OutboxId(Uuid::new_v4()),
        boot: BootId(Uuid::new_v4()),
        gives_up: false,
    };
    let mut outbox = Outbox::open(&setup, &now)?;
    let all: Vec<usize> = (0..rows).collect();
    for piece in all.chunks(PIECE) {
        let counts = piece.iter().map(|number| {
            let start = MonoMs((number / lanes.len()) as i64 * INTERVAL_MS);
            RowBody::CarCounts(CountsRow {
                lane_id: lanes[number % lanes.len()],
                start,
                end: start + INTERVAL_MS,
                epc_ids: vec![format!("34161FA82032{number:012X}")],
                observed_s: INTERVAL_MS as f64 / 1000.0,
                departed: 1,
                present: Some(0),
                other_tags: None,
                passages: vec![Passage {
                    t_ms: 1000,
                    dwell_ms: 2000,
                    reads: 5,
                    open: false,
                    valid: true,
                    prev: None,
                }],
                departures: Vec::new(),
            })
        });
        outbox.commit(&Batch { rows: counts.collect(), ..Batch::default() }, &now)?;
    }
    let status = outbox.status(&now)?;
    ensure!(status.rows == rows as u64, "the outbox was not empty: {} rows are in it now", status.rows);
    Ok(())
}
