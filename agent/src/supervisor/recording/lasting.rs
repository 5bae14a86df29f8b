//! What outlives a recorder that fails, and the time in which the outbox cannot be opened.

use super::files::Files;
use crate::config::{Antennas, Config};
use crate::supervisor::intake::RecorderInput;
use crate::supervisor::recorder::{Cause, Losses, Recorder, Remains};
use flextraff_common::time::MonoMs;
use flextraff_common::wire::GreenTime;
use std::ops::ControlFlow::{self, Break, Continue};
use std::sync::Arc;

/// A plan, and when it came.
pub(super) type Plan = (Box<GreenTime>, MonoMs);

pub(super) struct Lasting {
    pub(super) config: Arc<Config>,
    /// Through which antennas readers see.
    pub(super) readers: Vec<Antennas>,
    /// What is kept beside the outbox.
    pub(super) files: Files,
    /// Plans that came while the outbox was not open, at most one of each mode.
    pub(super) plans: Vec<Plan>,
    /// What was lost meanwhile.
    pub(super) lost: Losses,
    /// What a recorder that has failed had not stored.
    pub(super) remains: Option<Remains>,
    /// Whether the present recorder has stored anything.
    pub(super) stored: bool,
}

impl Lasting {
    pub(super) fn new(config: Arc<Config>) -> Self {
        Self {
            readers: vec![Antennas::default(); config.readers.len()],
            files: Files::beside(&config.outbox.path),
            plans: Vec::new(),
            lost: Losses::default(),
            remains: None,
            stored: false,
            config,
        }
    }

    /// Takes what comes while the outbox is not open; the end where that was asked for. Reads of this time cannot be stored: it counts as not
    /// observed.
    pub(super) fn take(&mut self, input: RecorderInput, now: MonoMs) -> ControlFlow<()> {
        input.lose(&mut self.lost, Cause::NotOpen);
        match input {
            RecorderInput::Stop => return Break(()),
            RecorderInput::Reader { reader, antennas, .. } => self.readers[reader] = antennas,
            RecorderInput::Keep(keep) => self.files.handle(keep, now),
            RecorderInput::SavePlan { plan, received } => self.keep_plan(plan, received),
            RecorderInput::Reconfigure { config, before } => self.reconfigure(config, &before),
            _ => {}
        }
        Continue(())
    }

    /// Goes on under another configuration: readers that had a number before stay as they are, others are down.
    pub(super) fn reconfigure(&mut self, config: Arc<Config>, before: &[Option<usize>]) {
        let were = |before: &Option<usize>| self.readers.get((*before)?).copied();
        self.readers = before.iter().map(|before| were(before).unwrap_or_default()).collect();
        self.config = config;
    }

    /// As the outbox keeps it: in place of the one of its mode, or of all.
    fn keep_plan(&mut self, plan: Box<GreenTime>, received: MonoMs) {
        self.plans.retain(|(old, _)| old.mode != plan.mode && !plan.ends_override);
        self.plans.push((plan, received));
    }

    /// Hands over to a recorder what has waited for it; the plans of before the restart that none has come in place of since.
    pub(super) fn hand_over(&mut self, recorder: &mut Recorder) -> Vec<(Box<GreenTime>, Option<MonoMs>)> {
        recorder.handle_lost(std::mem::take(&mut self.lost));
        let new = std::mem::take(&mut self.plans);
        for (plan, received) in &new {
            recorder.save_plan(plan, *received);
        }
        let mut plans = recorder.plans();
        plans.retain(|(plan, _)| !new.iter().any(|(new, _)| new.mode == plan.mode));
        plans
    }
}
