//! The database in and out, by PostgreSQL's own programs.

use crate::config::Secret;
use anyhow::{Context as _, bail};
use std::io::ErrorKind;
use std::path::Path;
use std::process::{Output, Stdio};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

/// What is enough for the partitions of ten years, with the connections that PostgreSQL allows unless set otherwise.
const ENOUGH_LOCKS: u32 = 1024;

/// Writes a dump.
pub(super) async fn write(url: &Secret, file: &Path) -> anyhow::Result<()> {
    let mut dump = client("pg_dump", url);
    dump.args(["--format=custom", "--no-owner", "--no-privileges", "--file"]).arg(file);
    done("pg_dump", &dump.output().await.map_err(|error| missing("pg_dump", error))?)
}

/// Reads a dump into the database: all of it or nothing.
pub(super) async fn read(url: &Secret, file: &Path, clear: bool) -> anyhow::Result<()> {
    // Its text goes through psql, which alone can put the clearing into the same transaction.
    let mut restore = Command::new("pg_restore");
    restore.args(["--no-owner", "--no-privileges", "--file=-"]).arg(file);
    restore.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut restore = restore.spawn().map_err(|error| missing("pg_restore", error))?;
    let mut psql = client("psql", url);
    psql.args(["--no-psqlrc", "--quiet", "--single-transaction", "--set=ON_ERROR_STOP=1"]);
    psql.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut psql = psql.spawn().map_err(|error| missing("psql", error))?;
    let (Some(mut text), Some(mut input)) = (restore.stdout.take(), psql.stdin.take()) else {
        bail!("the programs of PostgreSQL have no pipes");
    };
    let copy = async {
        if clear {
            input.write_all(crate::db::backup::CLEAR).await?;
        }
        tokio::io::copy(&mut text, &mut input).await?;
        // A dump that breaks off must not be taken for all of it: psql learns of the end only when it is one.
        let whole = restore.wait_with_output().await?;
        if !whole.status.success() {
            input.write_all(b"\n\\.\nSELECT 1/0;\n").await?;
        }
        drop(input);
        std::io::Result::Ok(whole)
    };
    let (copied, read) = tokio::join!(copy, psql.wait_with_output());
    let read = read.context("psql cannot be waited for")?;
    match copied {
        Ok(whole) => done("pg_restore", &whole)?,
        // psql has ended before; what it says is the reason.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => {}
        Err(error) => return Err(error).context("cannot hand the backup to psql"),
    }
    done("psql", &read)
}

/// A program that connects to the database; the password goes by its environment, which no list of processes shows.
fn client(program: &str, url: &Secret) -> Command {
    let (address, password) = without_password(url.expose());
    let mut command = Command::new(program);
    command.arg("--dbname").arg(address).env("PGAPPNAME", "flextraff-backup").env("PGCLIENTENCODING", "UTF8");
    if let Some(password) = password {
        command.env("PGPASSWORD", password);
    }
    command.stdin(Stdio::null()).kill_on_drop(true);
    command
}

/// The address without its password, in libpq's terms, and the password.
fn without_password(url: &str) -> (String, Option<String>) {
    let Some((scheme, rest)) = url.split_once("://") else { return (url.to_owned(), None) };
    let (authority, path) = rest.find(['/', '?']).map_or((rest, ""), |at| rest.split_at(at));
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let mut password = None;
    let authority = match authority.rsplit_once('@') {
        Some((login, host)) => {
            let (user, secret) =
                login.split_once(':').map_or((login, None), |(user, secret)| (user, Some(secret)));
            password = secret.map(decoded);
            format!("{user}@{host}")
        }
        None => authority.to_owned(),
    };
    let mut kept = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        match pair.split_once('=') {
            Some(("password", secret)) => password = Some(decoded(secret)),
            Some(("ssl-mode", value)) => kept.push(format!("sslmode={value}")),
            Some(("ssl-root-cert" | "ssl-ca", value)) => kept.push(format!("sslrootcert={value}")),
            Some(("ssl-cert", value)) => kept.push(format!("sslcert={value}")),
            Some(("ssl-key", value)) => kept.push(format!("sslkey={value}")),
            // Only sqlx knows it.
            Some(("statement-cache-capacity", _)) => {}
            _ => kept.push(pair.to_owned()),
        }
    }
    let question = if kept.is_empty() { "" } else { "?" };
    (format!("{scheme}://{authority}{path}{question}{}", kept.join("&")), password)
}

/// Percent-encoding undone; a plus is a plus.
fn decoded(text: &str) -> String {
    let text = text.replace('+', "%2B").replace('&', "%26").replace('=', "%3D");
    form_urlencoded::parse(text.as_bytes()).next().map_or_else(String::new, |(name, _)| name.into_owned())
}

fn missing(program: &str, error: std::io::Error) -> anyhow::Error {
    let hint =
        if error.kind() == ErrorKind::NotFound { "; install the package postgresql-client" } else { "" };
    anyhow::Error::from(error).context(format!("cannot start {program}{hint}"))
}

fn done(program: &str, output: &Output) -> anyhow::Result<()> {
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    if said.contains("max_locks_per_transaction") {
        bail!(
            "{program} needs more locks at a time than PostgreSQL has room for, one for each partition and index; nothing is changed. Set max_locks_per_transaction = {ENOUGH_LOCKS} in postgresql.conf, start PostgreSQL anew, and try again"
        );
    }
    bail!("{program} has failed: {}", said.trim().lines().take(5).collect::<Vec<_>>().join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::ExitStatusExt as _;
    use std::process::ExitStatus;

    #[test]
    fn who_lacks_locks_is_told_how_to_get_them() {
        let stderr = b"ERROR:  out of shared memory\nHINT:  You might need to increase \"max_locks_per_transaction\".\n";
        let output =
            Output { status: ExitStatus::from_raw(256), stdout: Vec::new(), stderr: stderr.to_vec() };
        let said = done("psql", &output).unwrap_err().to_string();
        assert!(said.contains("nothing is changed. Set max_locks_per_transaction = 1024"), "{said}");
    }

    #[test]
    fn the_password_stands_in_no_address() {
        for (url, address, password) in [
            ("postgresql://u:p%40s+s@h:5432/db", "postgresql://u@h:5432/db", Some("p@s+s")),
            (
                "postgresql://u@h/db?sslmode=require&password=x&statement-cache-capacity=5",
                "postgresql://u@h/db?sslmode=require",
                Some("x"),
            ),
            (
                "postgresql:///db?host=/run/postgresql&ssl-ca=/ca&ssl-cert=/c&ssl-key=/k",
                "postgresql:///db?host=/run/postgresql&sslrootcert=/ca&sslcert=/c&sslkey=/k",
                None,
            ),
        ] {
            assert_eq!(without_password(url), (address.to_owned(), password.map(ToOwned::to_owned)), "{url}");
        }
    }
}
