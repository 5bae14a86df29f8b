//! What the loop told and nobody took, because it waits for nobody: only counted, until somebody takes that.

use super::LampEvent;
use crate::signal::SignalEvent;
use flextraff_common::time::MonoMs;

/// Something of one kind that nobody took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unheard {
    /// When the first of it began.
    pub from: MonoMs,
    /// When the last of it ended.
    pub to: MonoMs,
    /// How many.
    pub count: u64,
}

impl Unheard {
    fn and(self, other: Option<Self>) -> Self {
        let other = other.unwrap_or(Self { count: 0, ..self });
        Self { from: self.from.min(other.from), to: self.to.max(other.to), count: self.count + other.count }
    }
}

/// What is to be kept for the server, and was lost here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unkept {
    /// Finished cycles.
    pub cycles: Option<Unheard>,
    /// High-resolution events.
    pub events: Option<Unheard>,
}

impl Unkept {
    /// Notes what nobody took, where it was to be kept.
    pub(super) fn note(&mut self, event: &LampEvent) {
        match event {
            LampEvent::Signal(SignalEvent::CycleEnded(cycle)) => {
                let lost = Unheard { from: cycle.started, to: cycle.ended, count: 1 };
                self.cycles = Some(lost.and(self.cycles));
            }
            LampEvent::Signal(SignalEvent::Logged(events)) => {
                let times = || events.iter().map(|event| event.at);
                if let (Some(from), Some(to)) = (times().min(), times().max()) {
                    let lost = Unheard { from, to, count: events.len() as u64 };
                    self.events = Some(lost.and(self.events));
                }
            }
            _ => {}
        }
    }
}
