//! `flextraff-agent run`: the agent itself.

use super::{FAILED, OK};
use crate::{config, supervisor};
use std::path::Path;

pub(super) fn run(path: &Path) -> u8 {
    let (config, of_link) = match config::load_to_run(path) {
        Ok(loaded) => loaded,
        Err(errors) => return super::refuse(&errors),
    };
    crate::logging::init("flextraff-agent", config.log);
    if let Some(errors) = of_link {
        let error = errors.in_one_line();
        tracing::warn!(
            error,
            "the broker's password cannot be read; lamps and counting go on without the broker"
        );
    }
    for doubt in config.signal_doubts() {
        tracing::warn!(
            doubt = doubt.message,
            action = doubt.action,
            "the rules of signals advise against this"
        );
    }
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
