//! How long the steps of a replay take on this machine.

use super::engine::Engine;
use super::input;
use crate::clock::Clock;
use crate::output::Lateness;
use flextraff_common::replay::Replay;
use flextraff_common::time::MonoMs;
use std::io;

/// A replay whose steps in time are measured: whatever falls due between two lines, the decision of tactical control above all.
pub(super) struct Timing {
    engine: Engine,
    clock: Clock,
    steps: Lateness,
}

impl Timing {
    /// Nothing measured so far.
    pub(super) fn new(engine: Engine, clock: Clock) -> Self {
        Self { engine, clock, steps: Lateness::default() }
    }

    /// The measured times in a sentence.
    pub(super) fn told(&self) -> String {
        let ms = |us: u64| us as f64 / 1000.0;
        let at = |share| self.steps.quantile_us(share).map_or(0.0, ms);
        format!(
            "a step in time took {:.3} ms at the median, {:.3} ms at 99.9 percent, {:.3} ms at most",
            at(0.5),
            at(0.999),
            ms(self.steps.max_us())
        )
    }
}

impl Replay for Timing {
    type Line<'a> = input::Line;

    fn now(&self) -> Option<MonoMs> {
        self.engine.now()
    }

    fn start(&mut self, at: MonoMs) -> io::Result<()> {
        self.engine.start(at)
    }

    fn advance(&mut self, to: MonoMs) {
        let passes = self.now().is_some_and(|now| now < to);
        let began = self.clock.mono_us();
        self.engine.advance(to);
        if passes {
            self.steps.record((self.clock.mono_us() - began).unsigned_abs());
        }
    }

    fn take(&mut self, line: input::Line, at: MonoMs) -> Result<(), String> {
        self.engine.take(line, at)
    }

    fn lines(&mut self) -> &mut Vec<String> {
        self.engine.lines()
    }
}
