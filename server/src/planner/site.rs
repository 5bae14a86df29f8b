//! One junction as the planner sees it.

use super::ended::Ended;
use super::propose::{Proposed, propose};
use super::schedule::Schedule;
use super::uptimes::Uptimes;
use super::{
    IdSource, NOTICEABLE_S, PLAN_EVERY_MS, PlanCommand, RENEW_BEFORE_MS, SendPlan, VALID_S, WINDOW_MS,
};
use crate::optimizer::{DemandWindow, LaneDemand, Shown};
use flextraff_common::ids::{DeviceId, JunctionId, LaneId};
use flextraff_common::junction::Junction;
use flextraff_common::plan::{Limits, Plan, PlanProblem, StagePlan};
use flextraff_common::time::{ClockState, UnixMs};
use flextraff_common::wire::{CarCounts, DeviceType, GreenTime, Mode, PlanStatus, StageTime, Status};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use uuid::Uuid;

/// An override as it is asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Override {
    /// Its name in the database and on the road.
    pub id: Uuid,
    /// Manual override or emergency.
    pub mode: Mode,
    /// Its greens.
    pub times: OverrideTimes,
    /// When it ends by itself.
    pub until: UnixMs,
    /// Why, for people.
    pub reason: Option<String>,
}

/// The greens of an override.
#[derive(Clone, Debug, PartialEq)]
pub enum OverrideTimes {
    /// Each lane's share of the cycle, clearance included, and the cycle, seconds.
    Lanes {
        /// In lane order.
        times: Vec<f64>,
        /// The cycle.
        cycle: f64,
    },
    /// Green of each stage.
    Stages(Vec<StageTime>),
}

/// One junction.
pub struct Site {
    junction: Arc<Junction>,
    limits: Limits,
    base_cycle_s: u32,
    window: DemandWindow,
    last_counts: BTreeMap<LaneId, UnixMs>,
    uptimes: Uptimes,
    online: BTreeSet<DeviceId>,
    greeted: BTreeSet<DeviceId>,
    reported: BTreeMap<DeviceId, PlanStatus>,
    sent: Option<Sent>,
    running: Option<Override>,
    ended: Ended,
    /// Whether this server plans and sends here; another one may.
    held: bool,
    schedule: Schedule,
    plan_due: UnixMs,
    schedule_due: UnixMs,
    /// When the clock was looked at last.
    looked: UnixMs,
}

/// The last automatic plan that was sent.
#[derive(Clone, Debug)]
struct Sent {
    stages: Vec<StagePlan>,
    offset_s: Option<u32>,
    entry: Option<String>,
    at: UnixMs,
    plan_id: String,
}

impl Site {
    /// A junction, with the override that runs, if any.
    pub fn new(
        junction: Arc<Junction>,
        limits: Limits,
        base_cycle_s: u32,
        running: Option<Override>,
        now: UnixMs,
    ) -> Self {
        let window = DemandWindow::new(junction.lanes().len(), WINDOW_MS);
        Self {
            junction,
            limits,
            base_cycle_s,
            window,
            last_counts: BTreeMap::new(),
            uptimes: Uptimes::default(),
            online: BTreeSet::new(),
            greeted: BTreeSet::new(),
            reported: BTreeMap::new(),
            sent: None,
            running,
            ended: Ended::default(),
            held: true,
            schedule: Schedule::default(),
            plan_due: now + PLAN_EVERY_MS,
            schedule_due: now,
            looked: now,
        }
    }

    /// The same with what holds by day and hour.
    #[must_use]
    pub fn with_schedule(mut self, schedule: Schedule) -> Self {
        self.schedule = schedule;
        self
    }

    /// The junction.
    pub fn junction(&self) -> &Junction {
        &self.junction
    }

    pub(super) fn take_over(&mut self, old: Self) {
        if self.junction.lanes() == old.junction.lanes() {
            self.window = old.window;
            self.last_counts = old.last_counts;
            self.uptimes = old.uptimes;
        }
        self.online = old.online;
        self.reported = old.reported;
        self.held = old.held;
        self.ended.merge(old.ended);
        let running = self.running.take().or_else(|| old.running.clone());
        self.running = old.running;
        self.set_running(running);
    }

    pub(super) fn handle_counts(&mut self, lane: LaneId, counts: &CarCounts, now: UnixMs) {
        let Some(at) = self.junction.lane_with_id(lane) else { return };
        let unsynced = counts.delivery.as_ref().filter(|delivery| delivery.clock == ClockState::Unsynced);
        let told = match unsynced {
            None => counts.timestamp.unwrap_or(now),
            Some(delivery) => {
                let (made, wrong_ms) = self.uptimes.place(delivery, now);
                if wrong_ms != 0 {
                    self.window.shift(delivery.boot_id, wrong_ms);
                    // Else each row of a backlog would move all before it.
                    self.window.expire(now);
                }
                made
            }
        };
        let before = self.last_counts.insert(lane, told);
        let observed_s = counts.observed_s.unwrap_or_else(|| {
            before.map_or(0.0, |before| {
                (told.since(before) as f64 / 1000.0).clamp(0.0, super::LONGEST_SILENCE_S)
            })
        });
        let demand =
            LaneDemand { vehicles: counts.vehicle_count.max(0) as f64, observed_s: observed_s.max(0.0) };
        // A sender whose clock is ahead counts now: dated ahead it would be demand for hours.
        let row = counts.delivery.as_ref().map(|delivery| (delivery.outbox_id, delivery.seq));
        let uptime = unsynced.map(|delivery| delivery.boot_id);
        self.window.add(at.index(), Shown { end: told.min(now), demand, row, uptime });
    }

    /// Remembers who is online; what the road says of a plan comes back when it is news.
    pub(super) fn handle_status(&mut self, status: &Status) -> Option<PlanCommand> {
        if !status.online {
            self.online.remove(&status.device_id);
            self.greeted.remove(&status.device_id);
            self.reported.remove(&status.device_id);
            return None;
        }
        if status.device_type != Some(DeviceType::RfidCounter) {
            self.online.insert(status.device_id);
        }
        let plan = status.plan.clone()?;
        if self.reported.insert(status.device_id, plan.clone()).as_ref() == Some(&plan) {
            return None;
        }
        let PlanStatus { plan_id, state, reasons } = plan;
        Some(PlanCommand::Confirmed { junction: self.junction.id, plan_id: plan_id?, state, reasons })
    }

    pub(super) fn said_of(&self, plan_id: &str) -> Option<&PlanStatus> {
        self.reported.values().find(|said| said.plan_id.as_deref() == Some(plan_id))
    }

    /// Whether a device has come online that has not been sent the plan yet, and this server is the one to send it.
    pub(super) fn came_online(&self) -> bool {
        self.held && !self.online.is_subset(&self.greeted)
    }

    /// Sends what holds at present to all devices of the junction; an override that runs comes last, as it may follow an end of others.
    pub(super) fn send(&mut self, ids: &mut IdSource, now: UnixMs) -> Vec<PlanCommand> {
        self.greeted = self.online.clone();
        let ends = self.others_linger(now);
        let mut commands = vec![PlanCommand::Send(Box::new(self.automatic(ids, now, ends)))];
        if let Some(send) = self.running.as_ref().and_then(|running| self.override_message(running, now).ok())
        {
            commands.push(PlanCommand::Send(Box::new(send)));
        }
        commands
    }

    /// Whether this server is to plan and send here; `true` when it begins to. Then it sends what holds to whoever is online.
    pub(super) fn hold(&mut self, held: bool) -> bool {
        let begins = held && !self.held;
        self.held = held;
        if begins {
            self.greeted.clear();
            self.sent = None;
        }
        begins
    }

    /// Whoever is online is sent again what holds.
    pub(super) fn greet_again(&mut self) {
        self.greeted.clear();
    }

    /// Takes over what another server has made of overrides here; what holds then is sent again by the one that sends.
    pub(super) fn learn_override(&mut self, running: Option<Override>, ended: Ended, now: UnixMs) {
        let id = |running: &Option<Override>| running.as_ref().map(|running| running.id);
        let (other, lingered) = (id(&running) != id(&self.running), self.others_linger(now));
        self.set_running(running);
        self.ended.merge(ended);
        if other || self.others_linger(now) && !lingered {
            self.greeted.clear();
        }
    }

    /// Takes note of the override that runs from now on, and of the one before as ended.
    fn set_running(&mut self, running: Option<Override>) {
        let id = running.as_ref().map(|running| running.id);
        if let Some(before) = self.running.take().filter(|before| Some(before.id) != id) {
            self.ended.note(before.mode, before.until);
        }
        self.running = running;
    }

    /// Whether a device may follow an override that was ended before its time, and that the one which runs does not take the place of.
    fn others_linger(&self, now: UnixMs) -> bool {
        self.ended.lingers(self.running.as_ref().map(|running| running.mode), now)
    }

    /// Starts an override. A device holds one of each mode: where it may have one of another mode, all are ended before this one is sent, so that
    /// neither that one stands above it nor comes back after it.
    pub(super) fn start_override(
        &mut self,
        wanted: Override,
        ids: &mut IdSource,
        now: UnixMs,
    ) -> Result<Vec<SendPlan>, Vec<PlanProblem>> {
        let send = self.override_message(&wanted, now)?;
        self.set_running(Some(wanted));
        let ends = self.others_linger(now).then(|| self.automatic(ids, now, true));
        Ok(ends.into_iter().chain([send]).collect())
    }

    pub(super) fn end_override(&mut self, ids: &mut IdSource, now: UnixMs) -> SendPlan {
        self.set_running(None);
        self.automatic(ids, now, true)
    }

    pub(super) fn handle_timeout(&mut self, ids: &mut IdSource, now: UnixMs) -> Vec<PlanCommand> {
        let mut commands = Vec::new();
        if let Some(ended) = self.running.take_if(|running| running.until <= now) {
            commands.push(PlanCommand::OverrideEnded { junction: self.junction.id, override_id: ended.id });
        }
        if now < self.looked {
            // The clock was set back: what was due by the old one would wait too long.
            (self.plan_due, self.schedule_due) = (now, now);
        }
        self.looked = now;
        if self.came_online() {
            // After a change of the junction or its schedule.
            commands.extend(self.send(ids, now));
        }
        if self.plan_due.min(self.schedule_due) <= now {
            self.plan_due = now + PLAN_EVERY_MS;
            self.schedule_due = self.schedule.next_change(now);
            self.expire(now);
            if self.held && !self.online.is_empty() && self.wants_sending(now) {
                // One that runs would be ended, too.
                let ends = self.running.is_none() && self.others_linger(now);
                commands.push(PlanCommand::Send(Box::new(self.automatic(ids, now, ends))));
            }
        }
        commands
    }

    pub(super) fn next_timeout(&self) -> UnixMs {
        let due = self.plan_due.min(self.schedule_due);
        self.running.as_ref().map_or(due, |running| running.until.min(due))
    }

    /// Whether the last plan runs out soon, or its greens are noticeably other than the demand or the schedule asks for.
    fn wants_sending(&self, now: UnixMs) -> bool {
        let Some(sent) = &self.sent else { return true };
        let left_ms = i64::from(VALID_S) * 1000 - now.since(sent.at);
        if left_ms < RENEW_BEFORE_MS || now < sent.at {
            return true;
        }
        let wanted = self.propose(now);
        let other = |(new, old): (&StagePlan, &StagePlan)| new.green_s.abs_diff(old.green_s) >= NOTICEABLE_S;
        wanted.entry != sent.entry
            || wanted.offset_s != sent.offset_s
            || wanted.stages.len() != sent.stages.len()
            || wanted.stages.iter().zip(&sent.stages).any(other)
    }

    fn expire(&mut self, now: UnixMs) {
        self.window.expire(now);
        self.uptimes.expire(now);
    }

    /// What would be sent at `now`: by the schedule, or by the demand.
    pub fn propose(&self, now: UnixMs) -> Proposed {
        propose(&self.junction, self.limits, self.base_cycle_s, &self.demand(), &self.schedule, now)
    }

    /// What the lanes showed in the window, in lane order.
    pub fn demand(&self) -> Vec<LaneDemand> {
        self.window.totals()
    }

    /// The automatic plan for the present. One with the greens of the last keeps its name: it only holds longer.
    fn automatic(&mut self, ids: &mut IdSource, now: UnixMs, ends_override: bool) -> SendPlan {
        // A device's backlog of hours ago comes with it when it comes online.
        self.expire(now);
        let Proposed { stages, offset_s, entry, explanation } = self.propose(now);
        let plan_id = match &self.sent {
            Some(sent) if sent.stages == stages && sent.offset_s == offset_s && sent.entry == entry => {
                sent.plan_id.clone()
            }
            _ => ids().to_string(),
        };
        let plan = Plan {
            id: Some(plan_id.clone()),
            mode: Mode::Automatic,
            offset_s,
            stages: stages.clone(),
            valid_s: VALID_S,
            issued: now,
            reason: Some(explanation.sentence.clone()),
            ends_override,
        };
        let message = plan.to_green_time(&self.junction);
        self.sent = Some(Sent { stages, offset_s, entry, at: now, plan_id });
        SendPlan { junction: self.junction.id, message, explanation: Some(explanation) }
    }

    /// The plan of an override at this junction, without its message.
    ///
    /// # Errors
    /// Every rule that it breaks.
    pub fn override_plan(&self, wanted: &Override, now: UnixMs) -> Result<Plan, Vec<PlanProblem>> {
        self.checked(wanted, now).map(|(_, plan)| plan)
    }

    pub(super) fn override_message(
        &self,
        wanted: &Override,
        now: UnixMs,
    ) -> Result<SendPlan, Vec<PlanProblem>> {
        let (lane_times, plan) = self.checked(wanted, now)?;
        // The road gets both forms, so that what it runs is what was checked here.
        let mut full = plan.to_green_time(&self.junction);
        full.lane_times = lane_times.or(full.lane_times);
        Ok(SendPlan { junction: self.junction.id, message: full, explanation: None })
    }

    /// An override's plan, and its lane times as they were given.
    fn checked(&self, wanted: &Override, now: UnixMs) -> Result<(Option<Vec<f64>>, Plan), Vec<PlanProblem>> {
        let (lane_times, total_cycle_time, stages) = match &wanted.times {
            OverrideTimes::Lanes { times, cycle } => (Some(times.clone()), Some(*cycle), None),
            OverrideTimes::Stages(stages) => (None, None, Some(stages.clone())),
        };
        let left_s = (wanted.until.since(now) as f64 / 1000.0).max(1.0).ceil();
        let message = GreenTime {
            junction_id: self.junction.id,
            lane_times,
            timestamp: Some(now),
            total_cycle_time,
            plan_id: Some(wanted.id.to_string()),
            mode: wanted.mode,
            stages,
            valid_s: Some(left_s),
            reason: wanted.reason.clone(),
            ..GreenTime::default()
        };
        let plan = Plan::from_green_time(&message, &self.junction, now)?;
        let problems = plan.check(&self.junction, self.cycle_limits(wanted.mode));
        if problems.is_empty() { Ok((message.lane_times, plan)) } else { Err(problems) }
    }

    const fn cycle_limits(&self, mode: Mode) -> Limits {
        match mode {
            Mode::Emergency => Limits::NONE,
            Mode::Automatic | Mode::ManualOverride => self.limits,
        }
    }

    /// Takes over what the database knows of the demand. What was heard of since `exact_since` and is not in it stays: it is about to be stored, or
    /// was after the database was asked.
    pub fn seed_demand(&mut self, demand: impl Iterator<Item = (LaneId, Shown)>, exact_since: UnixMs) {
        let mut seed = DemandWindow::new(self.junction.lanes().len(), WINDOW_MS);
        for (lane, shown) in demand {
            if let Some(at) = self.junction.lane_with_id(lane) {
                seed.add(at.index(), shown);
            }
        }
        self.window.replace(seed, exact_since);
    }

    /// The override that runs.
    pub fn running_override(&self) -> Option<&Override> {
        self.running.as_ref()
    }

    /// Id of the junction.
    pub fn id(&self) -> JunctionId {
        self.junction.id
    }
}
