//! `check`: what would keep the agent from working here, each with what to do.

mod broker;
mod clock;
mod disk;
mod ending;
mod gpio;
mod outbox;
mod serial;
mod signal;

use super::{FAILED, OK, USAGE, complain, print};
use crate::config::{self, Config, ConfigErrors};
use serde::Serialize;
use serde_json::json;
use std::fmt::Write as _;
use std::path::Path;

/// How a check went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(super) enum Level {
    /// As it should be.
    Ok,
    /// The agent works, but less well.
    Warning,
    /// The agent does not work, or not with this part.
    Failed,
}

/// What a check found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    check: &'static str,
    state: Level,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    action: Option<String>,
}

impl Finding {
    fn ok(check: &'static str, message: impl Into<String>) -> Self {
        Self { check, state: Level::Ok, message: message.into(), action: None }
    }

    fn warning(check: &'static str, message: impl Into<String>, action: impl Into<String>) -> Self {
        Self { check, state: Level::Warning, message: message.into(), action: Some(action.into()) }
    }

    fn failed(check: &'static str, message: impl Into<String>, action: impl Into<String>) -> Self {
        Self { check, state: Level::Failed, message: message.into(), action: Some(action.into()) }
    }
}

/// Checks everything and prints what was found.
pub(super) fn run(path: &Path, json: bool) -> u8 {
    let config = match config::load(path) {
        Ok(config) => config,
        Err(errors) => return broken(&errors, json),
    };
    let mut findings = vec![Finding::ok("config", format!("{} has no errors", path.display()))];
    findings.extend(findings_of(&config));
    let printed = report(&findings, json);
    if findings.iter().any(|finding| finding.state == Level::Failed) { FAILED } else { printed }
}

fn findings_of(config: &Config) -> Vec<Finding> {
    let mut findings = serial::check(config);
    findings.extend(gpio::check(config));
    findings.extend(signal::check(config));
    findings.extend(ending::check(config));
    findings.extend(disk::check(config));
    findings.push(clock::check(config));
    findings.extend(broker::check(config));
    findings.extend(outbox::check(config));
    findings
}

fn broken(errors: &ConfigErrors, json: bool) -> u8 {
    if json {
        let findings: Vec<Finding> = errors
            .0
            .iter()
            .map(|error| Finding::failed("config", error.to_string(), "correct the configuration"))
            .collect();
        report(&findings, true);
    } else {
        complain(&errors.to_string());
    }
    USAGE
}

fn report(findings: &[Finding], json: bool) -> u8 {
    let worst = findings.iter().map(|finding| finding.state).max().unwrap_or(Level::Ok);
    if json {
        return print(&json!({ "state": worst, "checks": findings }).to_string());
    }
    let mut text = String::new();
    for finding in findings {
        let state = format!("{:?}", finding.state);
        let _ = writeln!(text, "{state:<8} {:<7} {}", finding.check, finding.message);
        if let Some(action) = &finding.action {
            let _ = writeln!(text, "{:16} → {action}", "");
        }
    }
    let count = |level| findings.iter().filter(|finding| finding.state == level).count();
    let _ = write!(
        text,
        "{} ok, {} warnings, {} failed",
        count(Level::Ok),
        count(Level::Warning),
        count(Level::Failed)
    );
    let printed = print(&text);
    if printed == OK { OK } else { printed }
}
