//! `flextraff-server user`: accounts, from the server's own machine.

use crate::api::body::Fields;
use crate::api::users::UserCreate;
use crate::auth::{MAX_PASSWORD_BYTES, Passwords, weakness};
use crate::db::audit::{self, Actor, Deed};
use crate::db::users::{self, Change, Changed, ListedUser, NewUser, Registered, User};
use crate::db::{second_factor, sessions};
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
    /// Sets the password of a user: the first line of standard input, or asked for. All sessions of the user end.
    SetPassword(Named),
    /// Takes the second factor of a user away who has lost the device.
    ResetTotp(Named),
    /// Keeps a user from signing in. All sessions of the user end.
    Disable(Named),
    /// Lets a user sign in again.
    Enable(Named),
}

/// Which user.
#[derive(Debug, Args)]
pub struct Named {
    /// Name to sign in with.
    #[arg(long)]
    pub username: String,
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
        UserCommand::SetPassword(user) => {
            let password = tokio::task::spawn_blocking(read_password).await??;
            let name = set_password(db, &user, password).await?;
            say(&format!("The password of {name} is set, and all sessions have ended."));
            Ok(())
        }
        UserCommand::ResetTotp(user) => {
            let name = reset_totp(db, &user).await?;
            say(&format!("{name} signs in with the password alone."));
            Ok(())
        }
        UserCommand::Disable(user) => {
            let name = set_active(db, &user, false).await?;
            say(&format!("{name} cannot sign in, and all sessions have ended."));
            Ok(())
        }
        UserCommand::Enable(user) => {
            let name = set_active(db, &user, true).await?;
            say(&format!("{name} may sign in."));
            Ok(())
        }
    }
}

/// Sets the password of a user under the same rules as the API and returns the name.
///
/// # Errors
/// A sentence: the password is weak, or there is no such user.
pub async fn set_password(db: &PgPool, user: &Named, password: String) -> anyhow::Result<String> {
    let known = found(db, user).await?;
    let about = [known.username.as_str(), &known.email, known.full_name.as_deref().unwrap_or_default()];
    if let Some(reason) = weakness(&password, &about) {
        bail!("{reason}");
    }
    let password_hash = Some(Passwords::new()?.hash(password).await?);
    let change = Change { password_hash, ..Change::default() };
    changed(db, &known, &change, json!({"password": "changed"})).await
}

/// Lets a user sign in, or no longer, and returns the name.
///
/// # Errors
/// A sentence: there is no such user, or nobody would be left to administer.
pub async fn set_active(db: &PgPool, user: &Named, is_active: bool) -> anyhow::Result<String> {
    let known = found(db, user).await?;
    let change = Change { is_active: Some(is_active), ..Change::default() };
    changed(db, &known, &change, json!({"is_active": is_active})).await
}

/// Takes the second factor of a user away and returns the name.
///
/// # Errors
/// There is no such user.
pub async fn reset_totp(db: &PgPool, user: &Named) -> anyhow::Result<String> {
    let known = found(db, user).await?;
    let mut tx = db.begin().await?;
    second_factor::remove(&mut tx, known.id()).await?;
    let deed = Deed::new("user.totp.reset").to(&known.username);
    audit::record(&mut *tx, &Actor::command_line(), deed).await?;
    tx.commit().await?;
    Ok(known.username)
}

async fn changed(db: &PgPool, user: &User, change: &Change, told: Value) -> anyhow::Result<String> {
    let mut tx = db.begin().await?;
    match users::change(&mut tx, user.id(), change).await? {
        Changed::Done(_) => {}
        Changed::LastAdmin => bail!("{} is the last active administrator", user.username),
        Changed::Unknown | Changed::Taken => bail!("{} is not there any more", user.username),
    }
    if change.password_hash.is_some() || change.is_active == Some(false) {
        sessions::end_all(&mut *tx, user.id(), None).await?;
    }
    let deed = Deed::new("user.update").to(&user.username).with(told);
    audit::record(&mut *tx, &Actor::command_line(), deed).await?;
    tx.commit().await?;
    Ok(user.username.clone())
}

async fn found(db: &PgPool, user: &Named) -> anyhow::Result<User> {
    let known = users::credentials(db, &user.username).await.context("looking for the user")?;
    let (known, _) = known.with_context(|| {
        format!("there is no user \"{}\"; `flextraff-server user list` shows all", user.username)
    })?;
    Ok(known)
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
    let mut tx = db.begin().await?;
    match users::register(&mut *tx, &new).await.context("storing the user")? {
        Registered::Created(user) => {
            let deed = Deed::new("user.create").to(&user.username).with(json!({
                "user_id": user.user_id, "email": user.email, "full_name": user.full_name, "is_admin": user.is_admin,
            }));
            audit::record(&mut *tx, &Actor::command_line(), deed).await?;
            tx.commit().await?;
            Ok(user.username)
        }
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
        for ListedUser { user, .. } in &page {
            let kind = if user.is_admin { "admin" } else { "user" };
            let state = if user.is_active { "active" } else { "inactive" };
            let created = user.created_at.format("%Y-%m-%d");
            say(&format!("{:<24} {kind:<6} {state:<9} {created}  {}", user.username, user.email));
        }
        after = page.last().map(|ListedUser { user, .. }| (user.created_at, user.user_id));
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
    ensure!(password == ask("The same again: ")?, "The two passwords differ; nothing was changed");
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
