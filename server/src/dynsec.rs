//! Keeps the broker's logins and rights of devices in step with the database, by Mosquitto's plugin for dynamic security.
//!
//! What the broker knows is compared with what it must know: at the start, when the broker is back, after each change, and every few minutes. So a
//! broker that has lost its file, or was changed by hand, is mended.

mod reconcile;
mod requests;
mod state;

pub use reconcile::commands;
pub use state::{Acl, Client, RoleName, State};

use crate::app::App;
use crate::clock::Clock;
use crate::db::enrolment::{self, Logins};
use crate::db::within;
use crate::fleet::RightsRequest;
use crate::mqtt::Control;
use anyhow::{Context as _, bail, ensure};
use serde_json::{Value, json};
use state::{Answer, Response};
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::time::{MissedTickBehavior, interval, timeout};
use uuid::Uuid;

/// Between looks whether the database says something else; changes by the command line are seen so.
const LOOK: Duration = Duration::from_secs(10);
/// After so many looks the broker is asked although nothing has changed.
const LOOKS_UNTIL_ASKED: u32 = 18;
/// Longest that the broker may take to answer.
const ANSWERS_WITHIN: Duration = Duration::from_secs(5);
/// Longest that the database may take.
const READ_WITHIN: Duration = Duration::from_mins(1);
/// Clients or roles of one answer.
const PAGE: usize = 25;

/// Keeps the rights until `stop` changes. Without `control` they are kept by hand, and nobody who asks is told that they are in force.
pub async fn run(
    app: App,
    control: Option<Control>,
    mut requests: mpsc::Receiver<RightsRequest>,
    mut stop: watch::Receiver<bool>,
) {
    let Some(control) = control else {
        loop {
            tokio::select! {
                _ = stop.changed() => return,
                request = requests.recv() => if request.is_none() { return },
            }
        }
    };
    let server = app.config.mqtt.login_name();
    let mut connected = app.mqtt.connected.clone();
    let mut keeper = Keeper { app, control, server, in_force: None, looks: 0, told: String::new() };
    let mut look = interval(LOOK);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut waiting = Vec::new();
    loop {
        tokio::select! {
            _ = stop.changed() => return,
            Some(request) = requests.recv() => {
                waiting.push(request);
                while let Ok(request) = requests.try_recv() {
                    waiting.push(request);
                }
                keeper.in_force = None;
            }
            changed = connected.changed() => {
                if changed.is_err() {
                    return;
                }
                keeper.in_force = None;
            }
            _ = look.tick() => {}
        }
        let is_connected = *connected.borrow_and_update();
        if is_connected && keeper.keep().await {
            for waiter in waiting.drain(..) {
                let _ = waiter.send(());
            }
        }
        waiting.retain(|waiter| !waiter.is_closed());
    }
}

/// The connection ended before the answer came; what was asked may have been done.
#[derive(Debug, thiserror::Error)]
#[error("the connection to the broker ended")]
struct ConnectionEnded;

struct Keeper {
    app: App,
    control: Control,
    server: Option<String>,
    /// What the broker is known to have.
    in_force: Option<Logins>,
    looks: u32,
    /// The last failure, which is told once.
    told: String,
}

impl Keeper {
    /// Whether the broker has what it must have.
    async fn keep(&mut self) -> bool {
        match self.bring_in_step().await {
            Ok(()) => {
                self.told.clear();
                true
            }
            Err(error) => {
                self.in_force = None;
                if error.is::<ConnectionEnded>() {
                    return false;
                }
                let error = format!("{error:#}");
                if error != self.told {
                    tracing::error!(%error, "the rights of devices at the broker cannot be kept in step; trying again");
                    self.told = error;
                }
                false
            }
        }
    }

    async fn bring_in_step(&mut self) -> anyhow::Result<()> {
        let logins = within(READ_WITHIN, enrolment::logins(&self.app.db, Clock.utc()))
            .await
            .context("cannot read the devices")?;
        self.looks += 1;
        if self.in_force.as_ref() == Some(&logins) && self.looks < LOOKS_UNTIL_ASKED {
            return Ok(());
        }
        let state = self.state().await?;
        let commands = commands(&logins, self.server.as_deref(), &state);
        let count = commands.len();
        for request in requests::requests(commands) {
            self.ask(request).await?;
        }
        if count > 0 {
            tracing::info!(commands = count, "the rights of devices at the broker are brought in step");
        }
        self.in_force = Some(logins);
        self.looks = 0;
        Ok(())
    }

    /// Everything that the broker knows.
    async fn state(&mut self) -> anyhow::Result<State> {
        let mut state = State::default();
        loop {
            let offset = state.clients.len();
            let page = self.list("listClients", offset).await?.data.clients;
            state.clients.extend(page.into_iter().map(|client| (client.username.clone(), client)));
            if state.clients.len() == offset {
                break;
            }
        }
        loop {
            let offset = state.roles.len();
            let page = self.list("listRoles", offset).await?.data.roles;
            state.roles.extend(page.into_iter().map(|role| (role.rolename, role.acls)));
            if state.roles.len() == offset {
                break;
            }
        }
        Ok(state)
    }

    async fn list(&mut self, command: &str, offset: usize) -> anyhow::Result<Response> {
        let request = json!({"command": command, "verbose": true, "count": PAGE, "offset": offset});
        let mut answers = self.ask(vec![request]).await?;
        answers.pop().context("the broker's answer is empty")
    }

    /// Sends commands and waits for what the broker makes of them.
    async fn ask(&mut self, mut commands: Vec<Value>) -> anyhow::Result<Vec<Response>> {
        let id = Uuid::now_v7().to_string();
        for command in &mut commands {
            command["correlationData"] = json!(id);
        }
        let request = json!({ "commands": commands }).to_string();
        let mut connected = self.app.mqtt.connected.clone();
        connected.mark_unchanged();
        while self.control.answers.try_recv().is_ok() {}
        ensure!(self.control.requests.try_send(request).is_ok(), "the broker is busy");
        let answer = async {
            while let Some(answer) = self.control.answers.recv().await {
                let Ok(Answer { responses }) = serde_json::from_slice(&answer) else { continue };
                if responses.first().is_some_and(|response| response.correlation == id) {
                    return Some(responses);
                }
            }
            None
        };
        let answer = tokio::select! {
            answer = timeout(ANSWERS_WITHIN, answer) => answer,
            // The plugin ends the connection of whoever gets another role, also that of the server.
            _ = connected.changed() => return Err(ConnectionEnded.into()),
        };
        let responses = answer.ok().flatten().context(
            "the broker does not answer on its control topic; has it the plugin for dynamic security, \
             and may the server's account use it?",
        )?;
        for Response { command, error, .. } in &responses {
            if let Some(error) = error {
                bail!("the broker refuses {command}: {error}");
            }
        }
        Ok(responses)
    }
}
