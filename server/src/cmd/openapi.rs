//! `flextraff-server openapi`: the description of the HTTP API.

use super::say;
use crate::api;
use anyhow::Context as _;
use std::process::ExitCode;

/// Prints the OpenAPI document as JSON; needs no configuration and no database.
pub(super) fn run() -> anyhow::Result<ExitCode> {
    say(&serde_json::to_string_pretty(&api::document()).context("cannot write the document")?);
    Ok(ExitCode::SUCCESS)
}
