//! The server's HTTP interface as the demo uses it: an administrator who watches the junctions come online.

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use std::time::Duration;
use ureq::Agent;

const TIMEOUT: Duration = Duration::from_secs(10);
const ADMIN: &str = "admin";
/// Largest answer read, bytes.
const LARGEST: u64 = 4 << 20;

/// What the server says, whatever that is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// A status, and the sentence of a problem, if it is one.
    Said(u16, String),
    /// There is no server.
    Nobody,
    /// Nothing within the time that a request may take.
    TooLate,
}

/// A client of the server.
#[derive(Clone, Debug)]
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

    /// Signs in anew.
    ///
    /// # Errors
    /// When the server does not let it.
    pub(super) fn sign_in(&mut self) -> Result<()> {
        let form = [("username", ADMIN), ("password", self.password.as_str())];
        let request = self.agent.post(format!("{}/api/users/token", self.base));
        let token = answer(request.send_form(form), 200, "signing in")?;
        let token = token["access_token"].as_str().context("the server gave no access token")?;
        token.clone_into(&mut self.token);
        Ok(())
    }

    /// Asks for something, as a page does.
    pub(super) fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        let (address, bearer) = (format!("{}{path}", self.base), format!("Bearer {}", self.token));
        let answer = match (method, body) {
            ("PUT", Some(body)) => self.agent.put(address).header("Authorization", bearer).send_json(body),
            (_, Some(body)) => self.agent.post(address).header("Authorization", bearer).send_json(body),
            (_, None) => self.agent.get(address).header("Authorization", bearer).call(),
        };
        let read = answer.and_then(|mut answer| {
            let text = answer.body_mut().with_config().limit(LARGEST).read_to_string()?;
            Ok((answer.status().as_u16(), text))
        });
        match read {
            Ok((status, text)) => {
                let value: Value = serde_json::from_str(&text).unwrap_or(Value::Null);
                Answer::Said(status, value["detail"].as_str().unwrap_or_default().to_owned())
            }
            Err(ureq::Error::Timeout(_)) => Answer::TooLate,
            Err(_) => Answer::Nobody,
        }
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
