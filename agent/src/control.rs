//! Estimation and signal controller on one clock: reads and plans in, lamps out.
//!
//! The lamps need the controller only. What reckons with the traffic may have a defect: a panic there is caught, what is known of the traffic
//! is forgotten, and greens run as planned until there is something to go by again.

#[cfg(test)]
mod tests;

use crate::config::Config;
use crate::estimation::Estimator;
use crate::reader::Read;
use crate::signal::{Controller, Fallback, SignalEvent, panic_message};
use flextraff_common::ids::JunctionId;
use flextraff_common::plan::PlanProblem;
use flextraff_common::time::{Moment, MonoMs, UnixMs};
use flextraff_common::wire::{Demand, Estimates, GreenTime, PlanStatus};
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// A defect that shows again is told again after this, milliseconds.
const TELL_AGAIN_MS: i64 = 60_000;

/// The signal controller and what it knows of the traffic.
pub struct Control {
    /// The state machine.
    pub controller: Controller,
    config: Arc<Config>,
    all_watched: bool,
    /// What the reads say.
    estimator: Estimator,
    /// Which readers are up, as far as it was said.
    readers: Vec<Option<bool>>,
    events: VecDeque<SignalEvent>,
    demand: Option<Demand>,
    defect: Option<String>,
    told: Option<MonoMs>,
    /// Called within each second's estimation: where a defect would be.
    #[cfg(test)]
    hook: fn(MonoMs),
}

impl Control {
    /// Begins with start-up; lanes without readers count as watched only with `all_watched`.
    pub fn new(config: &Arc<Config>, all_watched: bool, start: Moment) -> Self {
        let fallback = Fallback::new(config.fallback.clone(), config.time_zone);
        Self {
            controller: Controller::new(Arc::clone(&config.junction), fallback, start),
            estimator: Estimator::new(config, all_watched, start.mono),
            readers: vec![None; config.readers.len()],
            events: VecDeque::new(),
            demand: None,
            defect: None,
            told: None,
            #[cfg(test)]
            hook: |_| {},
            all_watched,
            config: Arc::clone(config),
        }
    }

    /// Takes a read.
    pub fn handle_read(&mut self, read: &Read) {
        self.estimate(read.at, |estimator| estimator.handle_read(read));
    }

    /// Takes that a reader (by its place in the TOML) came up or went down.
    pub fn handle_reader(&mut self, reader: usize, up: bool, at: MonoMs) {
        if let Some(state) = self.readers.get_mut(reader) {
            *state = Some(up);
        }
        self.estimate(at, |estimator| estimator.handle_reader(reader, up));
    }

    /// Takes what another junction, or another device of this one, tells.
    pub fn handle_demand(&mut self, junction: JunctionId, demand: &Demand, now: Moment) {
        self.estimate(now.mono, |estimator| estimator.handle_demand(junction, demand, now.mono));
    }

    /// What others are to be told, once a second.
    pub fn poll_demand(&mut self) -> Option<Demand> {
        self.demand.take()
    }

    /// What is known of the lanes; none after a defect that shows just now.
    pub fn estimates(&mut self, now: MonoMs) -> Option<Estimates> {
        self.estimate(now, |estimator| estimator.estimates(now))
    }

    /// With what estimation or the search has panicked; the same minute tells it once.
    pub fn take_defect(&mut self) -> Option<String> {
        self.defect.take()
    }

    /// As [`Controller::handle_plan`].
    pub fn handle_plan(&mut self, message: &GreenTime, now: Moment) -> PlanStatus {
        self.handle_timeout(now);
        self.controller.handle_plan(message, now)
    }

    /// As [`Controller::restore_plan`].
    ///
    /// # Errors
    /// Every rule that the plan breaks.
    pub fn restore_plan(
        &mut self,
        message: &GreenTime,
        received: UnixMs,
        now: Moment,
    ) -> Result<(), Vec<PlanProblem>> {
        self.handle_timeout(now);
        self.controller.restore_plan(message, received, now)
    }

    /// When there is something to do.
    pub fn next_timeout(&self) -> MonoMs {
        self.controller.next_timeout()
    }

    /// Passes through every whole second up to and including `now`.
    pub fn handle_timeout(&mut self, now: Moment) {
        while self.controller.next_timeout() <= now.mono {
            let at = self.controller.next_timeout();
            let second = Moment { mono: at, wall: now.wall_at(at), clock: now.clock };
            #[cfg(test)]
            let hook = self.hook;
            let device = self.config.device;
            let seen = self.estimate(at, |estimator| {
                #[cfg(test)]
                hook(at);
                estimator.handle_timeout(at);
                (estimator.traffic(at), estimator.tell(device, second))
            });
            if let Some((traffic, demand)) = seen {
                self.controller.handle_traffic(traffic);
                self.demand = Some(demand);
            }
            self.controller.handle_timeout(second);
            if let Some(defect) = self.controller.take_defect() {
                self.forget(defect, at);
            }
            self.take_events();
        }
        self.controller.handle_timeout(now);
        self.take_events();
    }

    fn take_events(&mut self) {
        while let Some(event) = self.controller.poll() {
            if let SignalEvent::Shown(shown) = &event {
                self.estimate(shown.at, |estimator| estimator.handle_shown(shown));
            }
            self.events.push_back(event);
        }
    }

    /// What has happened, in order of time.
    pub fn poll(&mut self) -> Option<SignalEvent> {
        self.take_events();
        self.events.pop_front()
    }

    fn estimate<T>(&mut self, at: MonoMs, act: impl FnOnce(&mut Estimator) -> T) -> Option<T> {
        // After a panic nothing of it is used any more: a new one takes its place.
        match catch_unwind(AssertUnwindSafe(|| act(&mut self.estimator))) {
            Ok(answer) => Some(answer),
            Err(panic) => {
                self.forget(panic_message(&*panic), at);
                None
            }
        }
    }

    /// Begins to follow the traffic anew.
    fn forget(&mut self, defect: String, at: MonoMs) {
        if self.told.is_none_or(|told| at.since(told) >= TELL_AGAIN_MS) {
            self.told = Some(at);
            self.defect = Some(defect);
        }
        self.estimator = Estimator::new(&self.config, self.all_watched, at);
        for (reader, up) in self.readers.iter().enumerate() {
            if let Some(up) = *up {
                self.estimator.handle_reader(reader, up);
            }
        }
        self.estimator.handle_shown(self.controller.shown());
    }
}
