//! `flextraff-server user`: accounts, from the server's own machine.

use crate::api::body::Fields;
use crate::api::users::UserCreate;
use crate::auth::{MAX_PASSWORD_BYTES, Passwords};
use crate::db::users::{self, NewUser, Registered};
use anyhow::{Context, anyhow, bail, ensure};
use clap::{Args, Subcommand};
use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
use serde_json::{Map, Value, json};
use sqlx::PgPool;
use std::io::{self, BufRead, IsTerminal};

/// Users that one question to the database brings.
const PAGE: i64 = 500;

/// What to do with accounts.
#[derive(Debug, Subcommand)]
pub enum UserCommand {
    /// Creates a user. The password is the first line of standard input, or asked for on a terminal.
    Create(CreateUser),
    /// Lists all users, the newest first.
    List,
}

/// A user to create.
#[derive(Debug, Args)]
pub struct CreateUser {
    /// Name to sign in with.
    #[arg(long)]
    username: String,
    /// E-mail address.
    #[arg(long)]
    email: String,
    /// Name for people.
    #[arg(long)]
    full_name: Option<String>,
    /// Makes the user an administrator.
    #[arg(long)]
    admin: bool,
}

/// Does it.
///
/// # Errors
/// A sentence for the person at the terminal.
pub async fn run(command: UserCommand, db: &PgPool) -> anyhow::Result<()> {
    match command {
        UserCommand::Create(user) => {
            let password = tokio::task::spawn_blocking(read_password).await??;
            let name = create(db, user, password).await?;
            say(&format!("User {name} is created."));
            Ok(())
        }
        UserCommand::List => list(db).await,
    }
}

/// Creates a user under the same rules as the API and returns the name.
///
/// # Errors
/// A sentence that names every field that is wrong, or that name or address are taken.
pub async fn create(db: &PgPool, user: CreateUser, password: String) -> anyhow::Result<String> {
    let CreateUser { username, email, full_name, admin } = user;
    let values = json!({
        "username": username, "email": email, "password": password, "full_name": full_name, "is_admin": admin,
    });
    let Value::Object(values) = values else { return Ok(String::new()) };
    let user = checked(values)?;
    let password_hash = Passwords::new()?.hash(user.password).await?;
    let new = NewUser {
        username: user.username,
        email: user.email,
        password_hash,
        full_name: user.full_name,
        is_admin: user.is_admin,
    };
    match users::register(db, &new).await.context("storing the user")? {
        Registered::Created(user) => Ok(user.username),
        Registered::Taken | Registered::NotFirst => bail!("Username or email already registered"),
    }
}

fn checked(values: Map<String, Value>) -> anyhow::Result<UserCreate> {
    Fields::check(values).map_err(|problem| anyhow!("{problem}"))
}

async fn list(db: &PgPool) -> anyhow::Result<()> {
    let mut after = None;
    loop {
        let page = users::list(db, after, PAGE).await.context("reading users")?;
        for user in &page {
            let kind = if user.is_admin { "admin" } else { "user" };
            let state = if user.is_active { "active" } else { "inactive" };
            let created = user.created_at.format("%Y-%m-%d");
            say(&format!("{:<24} {kind:<6} {state:<9} {created}  {}", user.username, user.email));
        }
        after = page.last().map(|user| (user.created_at, user.user_id));
        if after.is_none() {
            return Ok(());
        }
    }
}

#[expect(clippy::print_stdout, reason = "a command answers on standard output")]
fn say(line: &str) {
    println!("{line}");
}

/// The password: asked for twice on a terminal, else the first line of standard input.
fn read_password() -> anyhow::Result<String> {
    let stdin = io::stdin();
    if !stdin.is_terminal() {
        return read_line(stdin.lock());
    }
    let password = ask("Password: ")?;
    ensure!(password == ask("The same again: ")?, "The two passwords differ; nothing was created");
    Ok(password)
}

#[expect(clippy::print_stderr, reason = "a prompt on the terminal")]
fn ask(prompt: &str) -> anyhow::Result<String> {
    let stdin = io::stdin();
    let shown = tcgetattr(&stdin).context("reading the terminal's settings")?;
    let mut hidden = shown.clone();
    hidden.local_modes.remove(LocalModes::ECHO);
    eprint!("{prompt}");
    tcsetattr(&stdin, OptionalActions::Flush, &hidden).context("hiding what is typed")?;
    let line = read_line(stdin.lock());
    tcsetattr(&stdin, OptionalActions::Flush, &shown).context("showing what is typed")?;
    eprintln!();
    line
}

fn read_line(input: impl BufRead) -> anyhow::Result<String> {
    let mut line = String::new();
    let most = u64::try_from(MAX_PASSWORD_BYTES).unwrap_or(u64::MAX).saturating_add(2);
    input.take(most).read_line(&mut line).context("reading the password from standard input")?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_password_is_the_first_line() {
        assert_eq!(read_line(&b"a b c \r\nmore"[..]).unwrap(), "a b c ");
        assert_eq!(read_line(&b""[..]).unwrap(), "");
        assert!(
            read_line(&vec![b'x'; 10_000][..]).unwrap().len() > MAX_PASSWORD_BYTES,
            "too long stays too long"
        );
    }
}
