//! `flextraff-server backup` and `restore`: everything that a new machine needs to go on, in one folder.
//!
//! The database goes through `pg_dump` in its custom format: one consistent snapshot while the server runs, with partitions, sequences, views and
//! triggers as they are, and readable by every later PostgreSQL. The rows of tables alone, by COPY, would leave all of that to us.

mod dump;
mod files;
mod manifest;

use crate::clock::Clock;
use crate::config::{Config, Database};
use crate::db::audit::{self, Actor, Deed};
use crate::db::overrides::{self, EndedByRestore};
use crate::db::{backup, sessions, setup};
use anyhow::{Context as _, bail, ensure};
use clap::Args;
use files::Kept;
pub(super) use files::write_secret;
use manifest::Manifest;
use serde_json::json;
use sqlx::PgPool;
use std::fmt::Write as _;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How often, and how far apart, is looked whether a server still uses the database.
const LOOKS: u32 = 20;
const BETWEEN_LOOKS: Duration = Duration::from_millis(100);

/// What to write.
#[derive(Debug, Args)]
pub(super) struct BackupArgs {
    /// Folder to make; it holds keys and passwords, so guard it.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

/// What to read.
#[derive(Debug, Args)]
pub(super) struct RestoreArgs {
    /// Folder that `backup` has made.
    #[arg(long, value_name = "DIR")]
    from: PathBuf,
    /// Replaces a database that is not empty, and files that are others.
    #[arg(long)]
    overwrite: bool,
}

/// Writes database and files into a new folder, and says what it has written.
pub(super) async fn back_up(
    args: &BackupArgs,
    config: &Config,
    config_file: &Path,
) -> anyhow::Result<String> {
    let out = &args.out;
    let url = config.database.url()?;
    let db = setup::connect(&config.database).await?;
    let (schema, postgres) = backup::versions(&db)
        .await
        .context("this database is none of flextraff-server's; there is nothing to back up")?;
    // Under another name until all of it is there, so that half a backup is never taken for a whole one.
    let parts = with_suffix(out, ".part");
    ensure!(!out.exists(), "{} exists; name a folder that does not", out.display());
    ensure!(!parts.exists(), "{} is left from a backup that broke off; remove it", parts.display());
    std::fs::DirBuilder::new()
        .mode(0o700)
        .create(&parts)
        .with_context(|| format!("cannot make {}", parts.display()))?;
    dump::write(url, &parts.join(manifest::DATABASE)).await?;
    let kept = files::of(config, config_file);
    for file in &kept {
        file.copy_into(&parts)?;
    }
    let manifest = Manifest::of(&parts, schema, postgres, &kept)?;
    manifest.write(&parts)?;
    let mut tx = db.begin().await.context("cannot write into the audit log")?;
    let deed = Deed::new("backup.create").to(out.display().to_string()).with(json!({ "schema": schema }));
    audit::record(&mut *tx, &Actor::command_line(), deed).await.context("cannot write into the audit log")?;
    std::fs::rename(&parts, out).with_context(|| format!("cannot rename {}", parts.display()))?;
    tx.commit().await.context("the backup is whole, but cannot be written into the audit log")?;
    let mut said = format!("{} holds the database (schema {schema}) and", out.display());
    let names: Vec<&str> = kept.iter().map(|file| file.name.as_str()).collect();
    let _ = write!(said, " {}", if names.is_empty() { "no file".to_owned() } else { names.join(", ") });
    Ok(said)
}

/// Brings database and files back, and says what it has brought and what it has left.
pub(super) async fn restore(
    args: &RestoreArgs,
    config: &Config,
    config_file: &Path,
) -> anyhow::Result<String> {
    let from = &args.from;
    let manifest = Manifest::read(from)?;
    manifest.verify(from)?;
    ensure!(
        setup::MIGRATOR.version_exists(manifest.schema),
        "this backup comes from a newer version of flextraff-server ({}); install that one",
        manifest.server
    );
    let behind = setup::MIGRATOR.iter().filter(|step| step.version > manifest.schema).count();
    ensure!(
        config.database.migrate || behind == 0,
        "the database in this backup lacks the last steps of this version ({behind}), and database.migrate is false: set it to true while you restore"
    );
    let kept = files::of(config, config_file);
    if !args.overwrite {
        refuse_other_files(&kept, &manifest, from)?;
    }
    for file in kept.iter().filter(|file| manifest.has(&file.name) && file.keeps_from_database()) {
        file.copy_from(from)?;
    }
    let url = config.database.url()?;
    // One connection only, so that none of its own is taken for a server's.
    let db = setup::connect(&Database { max_connections: 1, ..config.database.clone() }).await?;
    check_target(&db, args.overwrite).await?;
    dump::read(url, &from.join(manifest::DATABASE), args.overwrite).await?;
    setup::prepare(&db, &config.database).await?;
    let ended = note_restore(&db, args, &manifest).await.context(
        "the database is restored, but overrides that ran cannot be ended, nor that be written into its audit log; the files are not restored",
    )?;
    let mut said = format!(
        "The database is as it was at {}, and so are the logins of devices: what was revoked or replaced since may enter by its old one again \
         (README of the server, \"Devices after a restore\"). Everybody has to sign in anew.",
        manifest.created_at
    );
    for one in &ended {
        let mode = if one.mode == "emergency" { "emergency" } else { "manual override" };
        let _ = write!(
            said,
            "\n{}: the {mode} that ran is ended; set it anew if it is still wanted",
            one.junction
        );
    }
    for entry in manifest.files.iter().filter(|entry| entry.name != manifest::DATABASE) {
        match kept.iter().find(|file| file.name == entry.name) {
            Some(file) => {
                file.copy_from(from)?;
                let _ = write!(said, "\n{} is in its place: {}", entry.name, file.path.display());
                if file.is_for_root_only() {
                    said.push_str(
                        "; only root reads it: give it to the group of the server (chgrp, chmod 640)",
                    );
                }
            }
            None => {
                let _ = write!(
                    said,
                    "\n{} stays in {}: the configuration of this machine names no such file",
                    entry.name,
                    from.display()
                );
            }
        }
    }
    Ok(said)
}

/// Ends the overrides that ran when the backup was made, and all sessions, of which some may have been ended since, and writes down that it is restored. Returns those ended.
async fn note_restore(
    db: &PgPool,
    args: &RestoreArgs,
    manifest: &Manifest,
) -> sqlx::Result<Vec<EndedByRestore>> {
    let mut tx = db.begin().await?;
    let ended = overrides::end_all(&mut tx, Clock.utc()).await?;
    let sessions = sessions::end_of_all(&mut *tx).await?;
    let ids: Vec<_> = ended.iter().map(|one| one.override_id).collect();
    let detail = json!({
        "created_at": manifest.created_at,
        "overwrite": args.overwrite,
        "ended_overrides": ids,
        "ended_sessions": sessions,
    });
    let deed = Deed::new("backup.restore").to(args.from.display().to_string()).with(detail);
    audit::record(&mut *tx, &Actor::command_line(), deed).await?;
    tx.commit().await?;
    Ok(ended)
}

async fn check_target(db: &PgPool, overwrite: bool) -> anyhow::Result<()> {
    // Connections of a server that has just ended go a moment later.
    let mut servers = 1;
    for _ in 0..LOOKS {
        servers = backup::servers(db).await.context("cannot look who uses the database")?;
        if servers == 0 {
            break;
        }
        tokio::time::sleep(BETWEEN_LOOKS).await;
    }
    if servers > 0 {
        bail!("a server uses this database ({servers} connections); stop it first");
    }
    let rights = backup::rights(db).await.context("cannot ask the database for the rights of its user")?;
    if let Some(missing) = rights.missing() {
        bail!("{missing}. Nothing is changed");
    }
    let empty = backup::is_empty(db).await.context("cannot look into the database")?;
    ensure!(
        empty || overwrite,
        "the database is not empty; name an empty one, or replace everything in it with --overwrite"
    );
    Ok(())
}

fn refuse_other_files(kept: &[Kept], manifest: &Manifest, from: &Path) -> anyhow::Result<()> {
    let others: Vec<String> = kept
        .iter()
        .filter(|file| manifest.has(&file.name) && file.differs_from(from))
        .map(|file| file.path.display().to_string())
        .collect();
    ensure!(
        others.is_empty(),
        "these files are others than in the backup: {}; replace them with --overwrite",
        others.join(", ")
    );
    Ok(())
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}
