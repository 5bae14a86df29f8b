//! The server's HTTP interface as the demo uses it: an administrator who watches the junctions come online.

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use std::time::Duration;
use ureq::Agent;

const TIMEOUT: Duration = Duration::from_secs(10);
const ADMIN: &str = "admin";
/// Largest answer read, bytes.
const LARGEST: u64 = 4 << 20;

/// A client of the server.
#[derive(Debug)]
pub(super) struct Api {
    agent: Agent,
    base: String,
    password: String,
    token: String,
}

impl Api {
    /// A client of the server at `http://127.0.0.1:port`; `password` is to be the administrator's.
    pub(super) fn new(port: u16, password: String) -> Self {
        let config = Agent::config_builder()
            .timeout_global(Some(TIMEOUT))
            .http_status_as_error(false)
            // The server is on this machine; a proxy of the environment is not on the way to it.
            .proxy(None)
            .build();
        Self {
            agent: config.into(),
            base: format!("http://127.0.0.1:{port}"),
            password,
            token: String::new(),
        }
    }

    /// Address of the dashboard.
    pub(super) fn dashboard(&self) -> String {
        format!("{}/app/", self.base)
    }

    /// Name and password of the administrator.
    pub(super) fn login(&self) -> (&str, &str) {
        (ADMIN, &self.password)
    }

    /// Whether the server has its database and its broker.
    pub(super) fn healthy(&self) -> bool {
        self.agent.get(format!("{}/health", self.base)).call().is_ok_and(|answer| answer.status() == 200)
    }

    /// Makes the first user, an administrator, and signs in.
    pub(super) fn register_admin(&mut self) -> Result<()> {
        let user = json!({
            "username": ADMIN, "email": "admin@example.org", "password": self.password,
            "full_name": "Demo administrator", "is_admin": true,
        });
        let request = self.agent.post(format!("{}/api/users/register", self.base));
        answer(request.send_json(user), 201, "registering the administrator")?;
        self.sign_in()
    }

    fn sign_in(&mut self) -> Result<()> {
        let form = [("username", ADMIN), ("password", self.password.as_str())];
        let request = self.agent.post(format!("{}/api/users/token", self.base));
        let token = answer(request.send_form(form), 200, "signing in")?;
        let token = token["access_token"].as_str().context("the server gave no access token")?;
        token.clone_into(&mut self.token);
        Ok(())
    }

    /// Names of the junctions that are online.
    pub(super) fn online(&mut self) -> Result<Vec<String>> {
        let first = self.junctions();
        let junctions = match first {
            // Access tokens last half an hour, a demo may last longer.
            Err(_) => {
                self.sign_in()?;
                self.junctions()?
            }
            Ok(junctions) => junctions,
        };
        let online = junctions.iter().filter(|junction| junction["status"] == "online");
        Ok(online.filter_map(|junction| Some(junction["junction_name"].as_str()?.to_owned())).collect())
    }

    fn junctions(&self) -> Result<Vec<Value>> {
        let request = self
            .agent
            .get(format!("{}/api/junctions/", self.base))
            .header("Authorization", format!("Bearer {}", self.token));
        match answer(request.call(), 200, "listing the junctions")? {
            Value::Array(junctions) => Ok(junctions),
            _ => bail!("the server's list of junctions is no list"),
        }
    }
}

fn answer(
    result: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
    wanted: u16,
    doing: &str,
) -> Result<Value> {
    let mut response = result.with_context(|| doing.to_owned())?;
    let status = response.status().as_u16();
    let body = response
        .body_mut()
        .with_config()
        .limit(LARGEST)
        .read_to_string()
        .with_context(|| format!("{doing}: reading the answer"))?;
    let value: Value = serde_json::from_str(&body).unwrap_or(Value::Null);
    if status != wanted {
        bail!(
            "{doing} was answered with {status}: {}",
            value["detail"].as_str().unwrap_or("no reason given")
        );
    }
    Ok(value)
}
