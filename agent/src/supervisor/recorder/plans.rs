//! Plans that outlast a restart.

use super::Recorder;
use crate::outbox::SavedPlan;
use flextraff_common::time::MonoMs;
use flextraff_common::wire::{GreenTime, decode, encode};

impl Recorder {
    /// Keeps a plan over restarts.
    pub fn save_plan(&mut self, plan: &GreenTime, received: MonoMs) {
        if let Err(error) = self.outbox.save_plan(plan.mode, plan.ends_override, &encode(plan), received) {
            tracing::error!(%error, "the plan could not be stored; it runs all the same, but not after a restart");
        }
    }

    /// The plans of before the restart, at most one of each mode; with when each came, if that was in this uptime. One of an earlier uptime that
    /// says no time of its own has that of its receipt, unless no synchronised clock has ever shown it.
    pub fn plans(&self) -> Vec<(Box<GreenTime>, Option<MonoMs>)> {
        let plans = self
            .outbox
            .plans()
            .inspect_err(|error| tracing::warn!(%error, "the plans of before the restart cannot be read"));
        let read = |plan: &SavedPlan| {
            let message: GreenTime = decode(plan.body.as_bytes()).ok()?;
            let timestamp = message.timestamp.or(plan.came);
            let received = (plan.boot == self.boot).then_some(plan.received);
            Some((Box::new(GreenTime { timestamp, ..message }), received))
        };
        plans.unwrap_or_default().iter().filter_map(read).collect()
    }
}
