//! The outbox opens, or does not: the link goes without one, so that somebody hears of it, and commands and plans come.

use super::Supervisor;
use crate::outbox;
use crate::output::LampInput;
use flextraff_common::ids::OutboxId;
use flextraff_common::time::{Moment, MonoMs, UnixMs};
use flextraff_common::wire::{GreenTime, Mode, OutboxStatus};

/// Plans that have come over the link while the outbox was not open: those of before the restart whose place they take are over.
#[derive(Debug, Default)]
pub(super) struct CameBefore {
    /// Each mode once.
    modes: Vec<Mode>,
    /// Whether one has ended all others.
    ended_all: bool,
}

impl CameBefore {
    fn note(&mut self, plan: &GreenTime) {
        self.ended_all |= plan.ends_override;
        if !self.modes.contains(&plan.mode) {
            self.modes.push(plan.mode);
        }
    }

    /// Whether a plan of before the restart still counts.
    fn leaves(&self, plan: &GreenTime) -> bool {
        !self.ended_all && !self.modes.contains(&plan.mode)
    }
}

impl Supervisor {
    /// The outbox is open, or another one is in its place.
    pub(super) fn handle_outbox_open(
        &mut self,
        outbox: OutboxId,
        earliest: UnixMs,
        plans: Vec<(Box<GreenTime>, Option<MonoMs>)>,
    ) {
        // A recorder that starts anew later may find plans that others have ended meanwhile.
        let is_first = self.outbox_id.is_none();
        for (message, received) in plans.into_iter().filter(|(plan, _)| is_first && self.came.leaves(plan)) {
            self.to_lamps(LampInput::Restore { message, received });
        }
        self.earliest = earliest;
        let is_new = self.outbox_id.replace(outbox) != Some(outbox);
        // Acks are for one outbox: where a damaged file has been replaced, the link of before would never hear of the new rows.
        if self.link.is_none() || is_new {
            self.connect_anew();
        }
    }

    /// The outbox cannot be opened: a person is to know, and the rest goes on.
    pub(super) fn handle_outbox_shut(&mut self, failure: String) {
        let free_bytes = self.config.outbox.path.parent().and_then(|folder| outbox::free_bytes(folder).ok());
        let before = self.outbox.take().unwrap_or_default();
        self.outbox = Some(OutboxStatus { failure: Some(failure), free_bytes, ..before });
        if self.link.is_none() {
            self.connect_anew();
        }
        self.tell_status();
    }

    /// A plan has come over the link.
    pub(super) fn take_plan(&mut self, plan: GreenTime) {
        if self.outbox_id.is_none() {
            self.came.note(&plan);
        }
        self.to_lamps(LampInput::Plan(Box::new(plan)));
    }

    /// How full the outbox is, and why it takes nothing; none where neither is known.
    pub(super) fn outbox_status(&self, now: &Moment) -> Option<OutboxStatus> {
        match (self.outbox.clone(), self.disk_failure(now)) {
            (outbox, None) => outbox,
            (outbox, failure) => Some(OutboxStatus { failure, ..outbox.unwrap_or_default() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_of_before_the_restart_does_not_come_in_place_of_one_that_came_since() {
        let plan = |mode: &str, ends_override: bool| -> GreenTime {
            let text = format!(
                "{{\"junction_id\":\"11111111-1111-4111-8111-111111111111\",\"lane_times\":[30,30,30,30],\"mode\":\"{mode}\",\"ends_override\":{ends_override}}}"
            );
            serde_json::from_str(&text).expect("it is a plan")
        };
        let mut came = CameBefore::default();
        assert!(came.leaves(&plan("automatic", false)));
        came.note(&plan("automatic", false));
        came.note(&plan("automatic", false));
        assert!(!came.leaves(&plan("automatic", false)) && came.leaves(&plan("manual_override", false)));
        assert_eq!(came.modes.len(), 1);
        came.note(&plan("automatic", true));
        assert!(!came.leaves(&plan("manual_override", false)), "it was ended");
    }
}
