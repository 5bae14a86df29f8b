//! `flextraff-agent run`: the agent itself.

use super::{FAILED, OK};
use crate::supervisor;
use std::path::Path;

pub(super) fn run(path: &Path) -> u8 {
    let config = match super::load(path) {
        Ok(config) => config,
        Err(code) => return code,
    };
    crate::logging::init("flextraff-agent", config.log);
    let code = match supervisor::run(config, path) {
        Ok(()) => OK,
        Err(error) => {
            tracing::error!("{error:#}");
            FAILED
        }
    };
    crate::logging::flush();
    code
}
