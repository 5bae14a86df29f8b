//! What the rules of signals advise against.

use super::Finding;
use crate::config::Config;

/// Looks at the configuration only.
pub(super) fn check(config: &Config) -> impl Iterator<Item = Finding> {
    let doubts = config.signal_doubts().into_iter();
    doubts.map(|doubt| Finding::warning("signal", doubt.message, doubt.action))
}
