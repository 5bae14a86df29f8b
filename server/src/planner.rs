//! When to plan and what to send; pure: time and ids come from outside, effects are returned as commands.
//!
//! A junction gets a plan when a device comes online, when the demand asks for noticeably other greens, and before the validity of the last
//! one runs out. By day and hour the schedule may fix or limit it. An override replaces it until it ends; the agent, which knows how long an override holds, returns by itself also when
//! the server is gone. One that was ended before its time is ended again by every automatic plan until that time: nobody knows whether a device
//! that was away has missed it.

mod ended;
mod propose;
pub mod schedule;
mod site;
#[cfg(test)]
mod tests;
mod uptimes;

pub use ended::Ended;
pub use propose::Proposed;
pub use site::{Override, OverrideTimes, Site};

use crate::optimizer::{Explanation, Shown};
use flextraff_common::ids::{JunctionId, LaneId};
use flextraff_common::junction::Junction;
use flextraff_common::plan::PlanProblem;
use flextraff_common::time::UnixMs;
use flextraff_common::wire::{CarCounts, GreenTime, PlanState, PlanStatus, Status};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use uuid::Uuid;

/// How often demand is looked at anew, milliseconds.
pub const PLAN_EVERY_MS: i64 = 60_000;
/// Validity of an automatic plan, seconds.
pub const VALID_S: u32 = 900;
/// A plan is sent again when less than this of its validity is left, milliseconds.
pub const RENEW_BEFORE_MS: i64 = 300_000;
/// How far demand looks back, milliseconds.
pub const WINDOW_MS: i64 = 900_000;
/// Longest time that counts stand for whose sender does not say how long it watched, seconds.
pub const LONGEST_SILENCE_S: f64 = 60.0;
/// A green must change by this much for a new plan to be sent, seconds.
pub const NOTICEABLE_S: u32 = 2;

/// What the shell must do.
#[derive(Clone, Debug, PartialEq)]
pub enum PlanCommand {
    /// Publish a plan and record it.
    Send(Box<SendPlan>),
    /// The road has said what became of a plan.
    Confirmed {
        /// The junction.
        junction: JunctionId,
        /// The plan, as it was named.
        plan_id: String,
        /// What became of it.
        state: PlanState,
        /// Why it was refused.
        reasons: Vec<String>,
    },
    /// An override has run out.
    OverrideEnded {
        /// The junction.
        junction: JunctionId,
        /// Which override.
        override_id: Uuid,
    },
}

/// A plan to publish.
#[derive(Clone, Debug, PartialEq)]
pub struct SendPlan {
    /// The junction.
    pub junction: JunctionId,
    /// The message.
    pub message: GreenTime,
    /// Why it is so; `None` for an override.
    pub explanation: Option<Explanation>,
}

/// Makes ids; injected so that replay gives the same ones each time.
pub type IdSource = Box<dyn FnMut() -> Uuid + Send + Sync>;

/// Plans for all junctions.
pub struct Planner {
    sites: BTreeMap<JunctionId, Site>,
    ids: IdSource,
    commands: VecDeque<PlanCommand>,
}

/// Why an override cannot be sent.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum OverrideError {
    /// The planner does not know the junction.
    #[error("junction {0} has no stages; add lanes and stages first")]
    UnknownJunction(JunctionId),
    /// It breaks rules of the junction.
    #[error("{}", sentences(.0))]
    Problems(Vec<PlanProblem>),
}

fn sentences(problems: &[PlanProblem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

impl Planner {
    /// A planner without junctions.
    pub fn new(ids: IdSource) -> Self {
        Self { sites: BTreeMap::new(), ids, commands: VecDeque::new() }
    }

    /// Takes a junction in, or replaces it after a change; what is known of its demand and devices stays if its lanes do.
    pub fn add_site(&mut self, mut site: Site) {
        if let Some(old) = self.sites.remove(&site.junction().id) {
            site.take_over(old);
        }
        self.sites.insert(site.junction().id, site);
    }

    /// Forgets a junction.
    pub fn remove_site(&mut self, junction: JunctionId) {
        self.sites.remove(&junction);
    }

    /// The junctions that it plans for.
    pub fn junctions(&self) -> Vec<JunctionId> {
        self.sites.keys().copied().collect()
    }

    /// Counts of a lane; messages of the published interface say nothing of the time watched, and then stand for the time since the last one.
    pub fn handle_counts(&mut self, junction: JunctionId, lane: LaneId, counts: &CarCounts, now: UnixMs) {
        if let Some(site) = self.sites.get_mut(&junction) {
            site.handle_counts(lane, counts, now);
        }
    }

    /// A device said how it is.
    pub fn handle_status(&mut self, junction: JunctionId, status: &Status, now: UnixMs) {
        let Some(site) = self.sites.get_mut(&junction) else { return };
        if let Some(confirmed) = site.handle_status(status) {
            self.commands.push_back(confirmed);
        }
        if site.came_online() {
            self.commands.extend(site.send(&mut self.ids, now));
        }
    }

    /// Checks an override against the junction without starting it.
    ///
    /// # Errors
    /// Every rule that it breaks.
    pub fn check_override(
        &self,
        junction: JunctionId,
        wanted: &Override,
        now: UnixMs,
    ) -> Result<(), OverrideError> {
        let site = self.sites.get(&junction).ok_or(OverrideError::UnknownJunction(junction))?;
        site.override_message(wanted, now).map(drop).map_err(OverrideError::Problems)
    }

    /// The junction, as the planner knows it.
    pub fn junction(&self, junction: JunctionId) -> Option<&Junction> {
        self.sites.get(&junction).map(Site::junction)
    }

    /// Starts an override, checked against the junction; it is sent at once, after the end of what it takes the place of. Returns its message.
    ///
    /// # Errors
    /// Every rule that it breaks.
    pub fn start_override(
        &mut self,
        junction: JunctionId,
        wanted: Override,
        now: UnixMs,
    ) -> Result<GreenTime, OverrideError> {
        let site = self.sites.get_mut(&junction).ok_or(OverrideError::UnknownJunction(junction))?;
        let sends = site.start_override(wanted, &mut self.ids, now).map_err(OverrideError::Problems)?;
        let message = sends.last().map(|send| send.message.clone()).unwrap_or_default();
        self.commands.extend(sends.into_iter().map(|send| PlanCommand::Send(Box::new(send))));
        Ok(message)
    }

    /// Ends an override early, if one runs: an automatic plan that says so is sent.
    ///
    /// # Errors
    /// When the planner does not know the junction.
    pub fn end_override(&mut self, junction: JunctionId, now: UnixMs) -> Result<GreenTime, OverrideError> {
        let site = self.sites.get_mut(&junction).ok_or(OverrideError::UnknownJunction(junction))?;
        let send = site.end_override(&mut self.ids, now);
        let message = send.message.clone();
        self.commands.push_back(PlanCommand::Send(Box::new(send)));
        Ok(message)
    }

    /// At which junctions this server plans and sends; at others it only follows. Returns those at which it begins to.
    pub fn hold(&mut self, held: &BTreeSet<JunctionId>) -> Vec<JunctionId> {
        let begins = |(id, site): (&JunctionId, &mut Site)| site.hold(held.contains(id)).then_some(*id);
        self.sites.iter_mut().filter_map(begins).collect()
    }

    /// Takes over what another server has made of overrides at a junction: which one runs, and which were ended before their time.
    pub fn learn_override(
        &mut self,
        junction: JunctionId,
        running: Option<Override>,
        ended: Ended,
        now: UnixMs,
    ) {
        if let Some(site) = self.sites.get_mut(&junction) {
            site.learn_override(running, ended, now);
        }
    }

    /// Replaces what is known of the demand at a junction; see [`Site::seed_demand`].
    pub fn reseed_demand(
        &mut self,
        junction: JunctionId,
        demand: impl Iterator<Item = (LaneId, Shown)>,
        exact_since: UnixMs,
    ) {
        if let Some(site) = self.sites.get_mut(&junction) {
            site.seed_demand(demand, exact_since);
        }
    }

    /// The override that runs at a junction.
    pub fn running_override(&self, junction: JunctionId) -> Option<&Override> {
        self.sites.get(&junction).and_then(Site::running_override)
    }

    /// What the road says of a plan at present; none when its devices are away, or speak of another plan.
    pub fn said_of(&self, junction: JunctionId, plan_id: &str) -> Option<&PlanStatus> {
        self.sites.get(&junction).and_then(|site| site.said_of(plan_id))
    }

    /// Messages may have been lost or held up: what holds now is sent again to all who are online, when it is next looked what is due.
    pub fn greet_again(&mut self) {
        self.sites.values_mut().for_each(Site::greet_again);
    }

    /// The same at one junction.
    pub fn greet_again_at(&mut self, junction: JunctionId) {
        if let Some(site) = self.sites.get_mut(&junction) {
            site.greet_again();
        }
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: UnixMs) {
        for site in self.sites.values_mut() {
            self.commands.extend(site.handle_timeout(&mut self.ids, now));
        }
    }

    /// When [`Planner::handle_timeout`] has something to do next.
    pub fn next_timeout(&self) -> Option<UnixMs> {
        self.sites.values().map(Site::next_timeout).min()
    }

    /// What the shell must do next.
    pub fn poll(&mut self) -> Option<PlanCommand> {
        self.commands.pop_front()
    }
}
