//! Estimation and signal controller on one clock: reads and plans in, lamps out.

use crate::config::Config;
use crate::estimation::Estimator;
use crate::reader::Read;
use crate::signal::{Controller, Fallback, SignalEvent};
use flextraff_common::ids::{DeviceId, JunctionId};
use flextraff_common::time::{Moment, MonoMs};
use flextraff_common::wire::{Demand, GreenTime, PlanStatus};
use std::collections::VecDeque;
use std::sync::Arc;

/// The signal controller and what it knows of the traffic.
pub struct Control {
    /// The state machine.
    pub controller: Controller,
    /// What the reads say.
    pub estimator: Estimator,
    events: VecDeque<SignalEvent>,
    demand: Option<Demand>,
    device: DeviceId,
}

impl Control {
    /// Begins with start-up; lanes without readers count as watched only with `all_watched`.
    pub fn new(config: &Config, all_watched: bool, start: Moment) -> Self {
        let fallback = Fallback::new(config.fallback.clone(), config.time_zone);
        Self {
            controller: Controller::new(Arc::clone(&config.junction), fallback, start),
            estimator: Estimator::new(config, all_watched, start.mono),
            events: VecDeque::new(),
            demand: None,
            device: config.device,
        }
    }

    /// Takes a read.
    pub fn handle_read(&mut self, read: &Read) {
        self.estimator.handle_read(read);
    }

    /// Takes what another junction, or another device of this one, tells.
    pub fn handle_demand(&mut self, junction: JunctionId, demand: &Demand, now: Moment) {
        self.estimator.handle_demand(junction, demand, now.mono);
    }

    /// What others are to be told, once a second.
    pub fn poll_demand(&mut self) -> Option<Demand> {
        self.demand.take()
    }

    /// As [`Controller::handle_plan`].
    pub fn handle_plan(&mut self, message: &GreenTime, now: Moment) -> PlanStatus {
        self.handle_timeout(now);
        self.controller.handle_plan(message, now)
    }

    /// When there is something to do.
    pub fn next_timeout(&self) -> MonoMs {
        self.controller.next_timeout()
    }

    /// Passes through every whole second up to and including `now`.
    pub fn handle_timeout(&mut self, now: Moment) {
        while self.controller.next_timeout() <= now.mono {
            let at = self.controller.next_timeout();
            self.estimator.handle_timeout(at);
            self.controller.handle_traffic(self.estimator.traffic(at));
            let second = Moment { mono: at, wall: now.wall_at(at), clock: now.clock };
            self.demand = Some(self.estimator.tell(self.device, second));
            self.controller.handle_timeout(second);
            self.take_events();
        }
        self.controller.handle_timeout(now);
        self.take_events();
    }

    fn take_events(&mut self) {
        while let Some(event) = self.controller.poll() {
            if let SignalEvent::Shown(shown) = &event {
                self.estimator.handle_shown(shown);
            }
            self.events.push_back(event);
        }
    }

    /// What has happened, in order of time.
    pub fn poll(&mut self) -> Option<SignalEvent> {
        self.take_events();
        self.events.pop_front()
    }
}
