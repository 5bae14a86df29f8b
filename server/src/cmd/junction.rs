//! `flextraff-server junction`: junctions from and to JSON.

use super::{Failure, say, say_error};
use crate::db::audit::{self, Actor, Deed};
use crate::db::junctions;
use crate::junction_file::{JunctionFile, LinkEntry, MAX_FILE};
use anyhow::{Context as _, anyhow};
use clap::Subcommand;
use serde_json::json;
use sqlx::PgPool;
use std::fs::File;
use std::io::{self, Read};
use std::process::ExitCode;

/// What to do with junctions.
#[derive(Debug, Subcommand)]
pub(super) enum JunctionCommand {
    /// Creates or replaces the junctions of a file; others stay as they are.
    Import {
        /// JSON file; `-` is standard input.
        #[arg(value_name = "FILE")]
        file: String,
    },
    /// Prints all junctions as JSON.
    Export,
}

/// Does it.
pub(super) async fn run(command: JunctionCommand, db: &PgPool) -> Result<ExitCode, Failure> {
    match command {
        JunctionCommand::Import { file } => {
            let junctions = load(&file)?;
            let mut tx = db.begin().await.context("nothing is imported")?;
            let changed = junctions::import(&mut tx, &junctions).await.context("nothing is imported")?;
            audit::record(&mut *tx, &Actor::command_line(), import_deed(&junctions, &changed))
                .await
                .context("nothing is imported")?;
            tx.commit().await.context("nothing is imported")?;
            say(&format!(
                "Imported {} junctions and {} links.",
                junctions.junctions.len(),
                junctions.links.len()
            ));
        }
        JunctionCommand::Export => {
            let file = junctions::export(db).await.context("cannot read the junctions")?;
            say(&serde_json::to_string_pretty(&file).context("cannot write JSON")?);
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// What the audit log says of an import; `changed` are links to other junctions that have lost lanes by it.
pub(crate) fn import_deed(file: &JunctionFile, changed: &[LinkEntry]) -> Deed {
    let junctions: Vec<_> = file.junctions.iter().map(|junction| junction.junction_id).collect();
    let mut told = json!({"junctions": junctions, "links": file.links.len()});
    if !changed.is_empty() {
        told["changed_links"] = json!(changed);
    }
    Deed::new("junction.import").with(told)
}

/// Reads a file and checks it; each rule that it breaks is printed.
pub(super) fn load(name: &str) -> Result<JunctionFile, Failure> {
    let junctions = read(name).map_err(Failure::Config)?;
    let problems = junctions.problems();
    for problem in &problems {
        say_error(&anyhow!("{name}: {problem}"));
    }
    if problems.is_empty() {
        Ok(junctions)
    } else {
        Err(Failure::Config(anyhow!("{name} breaks {} rules; nothing of it is used", problems.len())))
    }
}

fn read(name: &str) -> anyhow::Result<JunctionFile> {
    let mut text = String::new();
    let source: Box<dyn Read> = if name == "-" {
        Box::new(io::stdin().lock())
    } else {
        Box::new(File::open(name).with_context(|| format!("cannot read {name}"))?)
    };
    let size =
        source.take(MAX_FILE + 1).read_to_string(&mut text).with_context(|| format!("cannot read {name}"))?;
    if size as u64 > MAX_FILE {
        return Err(anyhow!("{name} is larger than {} MiB", MAX_FILE / 1024 / 1024));
    }
    serde_json::from_str(&text).map_err(|error| anyhow!("{name}: {error}"))
}
