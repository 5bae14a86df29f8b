//! `flextraff-server export`: counts, cycles or days of a junction as CSV.

use crate::api::analytics::export::{Moment, What, of_junction};
use anyhow::{Context as _, anyhow};
use clap::Args;
use flextraff_common::ids::JunctionId;
use futures_util::TryStreamExt as _;
use sqlx::PgPool;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use uuid::Uuid;

/// What to write.
#[derive(Debug, Args)]
pub(super) struct ExportArgs {
    /// What it holds.
    what: What,
    /// Id of the junction; `junction export` has them all.
    #[arg(long, value_name = "ID")]
    junction: Uuid,
    /// From this time on (RFC 3339), or from the start of this day of the junction's local time. Without it: a day before `--to`, of daily 29.
    #[arg(long, value_name = "WHEN")]
    from: Option<Moment>,
    /// Before this time, or to the end of this day. Without it: until now.
    #[arg(long, value_name = "WHEN")]
    to: Option<Moment>,
    /// File to make, instead of standard output.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Writes it. Counts and cycles come the newest first.
pub(super) async fn run(args: &ExportArgs, db: &PgPool) -> anyhow::Result<()> {
    let Some(file) = &args.out else {
        let mut out = io::stdout().lock();
        return match write(args, db, &mut out).await {
            // Whoever closes the pipe early has seen enough.
            Err(error) if broken_pipe(&error) => Ok(()),
            other => other,
        };
    };
    let mut out = File::create_new(file).with_context(|| format!("cannot make {}", file.display()))?;
    let written = write(args, db, &mut out).await;
    let written =
        written.and_then(|()| out.sync_all().with_context(|| format!("cannot write {}", file.display())));
    if written.is_err() {
        // Half a file would be taken for a whole one.
        remove(file);
    }
    written
}

async fn write(args: &ExportArgs, db: &PgPool, out: &mut impl Write) -> anyhow::Result<()> {
    let &ExportArgs { what, junction, from, to, .. } = args;
    let table = of_junction(db, JunctionId(junction), what, from, to).await.context("cannot export")?;
    let mut table = table.ok_or_else(|| {
        anyhow!(
            "there is no junction {junction}; `flextraff-server junction export` has those that there are"
        )
    })?;
    while let Some(lines) = table.try_next().await.context("the export breaks off")? {
        out.write_all(&lines).context("cannot write the export")?;
    }
    out.flush().context("cannot write the export")
}

fn broken_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
}

fn remove(file: &Path) {
    let _ = fs::remove_file(file);
}
