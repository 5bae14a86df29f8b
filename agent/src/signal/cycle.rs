//! Record of the running cycle.

#[cfg(test)]
use flextraff_common::junction::StageOrder;
use flextraff_common::junction::{Junction, StageIx};
use flextraff_common::time::MonoMs;
use flextraff_common::wire::{Aspect, Mode, StageEnd};

/// A cycle that is over: from the start of its first green to the start of the next cycle's first green.
#[derive(Clone, Debug, PartialEq)]
pub struct CycleRecord {
    /// The plan that it ran; none: fallback.
    pub plan_id: Option<String>,
    /// Who decided.
    pub mode: Mode,
    /// Start of its first green.
    pub started: MonoMs,
    /// Start of the next cycle's first green, or the moment of a fault.
    pub ended: MonoMs,
    /// How much later than the offset of the plan says its first green began, seconds; none: it was not coordinated.
    pub offset_error_s: Option<f64>,
    /// Its stages as they were served; their times add up to the cycle.
    pub stages: Vec<StageRecord>,
    /// Seconds of green of each lane, in lane order.
    pub lane_green_s: Vec<f64>,
    /// Who waited on each lane, in lane order.
    pub lane_queues: Vec<LaneQueues>,
}

/// Tagged vehicles that waited on a lane; none: nobody can say.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LaneQueues {
    /// When its green started, or with the cycle where it had green already.
    pub start: Option<u32>,
    /// When its green ended, or with the cycle where it goes on.
    pub end: Option<u32>,
}

/// A stage as it was served.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StageRecord {
    /// The stage.
    pub stage: StageIx,
    /// Seconds of green.
    pub green_s: f64,
    /// Seconds of amber after it.
    pub amber_s: f64,
    /// Seconds from there to the next stage's green: all-red and red-amber.
    pub all_red_s: f64,
    /// Why its green ended.
    pub end: StageEnd,
}

/// The cycle so far.
#[derive(Clone, Debug)]
pub(super) struct Recorder {
    /// Start of the first green.
    pub(super) started: MonoMs,
    stages: Vec<Open>,
    /// Of each lane: since when it has green, within this cycle.
    green_since: Vec<Option<MonoMs>>,
    lane_green_ms: Vec<i64>,
}

#[derive(Clone, Copy, Debug)]
struct Open {
    stage: StageIx,
    began: MonoMs,
    ended: Option<(MonoMs, StageEnd)>,
    amber_until: Option<MonoMs>,
}

impl Recorder {
    pub(super) fn new(junction: &Junction, started: MonoMs) -> Self {
        let lanes = junction.lanes().len();
        Self { started, stages: Vec::new(), green_since: vec![None; lanes], lane_green_ms: vec![0; lanes] }
    }

    /// A stage's green begins.
    pub(super) fn green(&mut self, stage: StageIx, at: MonoMs) {
        self.stages.push(Open { stage, began: at, ended: None, amber_until: None });
    }

    /// Whether a stage has had green in this cycle.
    pub(super) fn served(&self, stage: StageIx) -> bool {
        self.stages.iter().any(|open| open.stage == stage)
    }

    /// Adds what the next cycle depends on; `longest_ms`: after so long a cycle ends at the next change.
    #[cfg(test)]
    pub(super) fn project(&self, junction: &Junction, longest_ms: i64, key: &mut super::tests::model::Key) {
        // The rest is for the record.
        let Self { started, stages: _, green_since: _, lane_green_ms: _ } = self;
        key.age(Some(*started), longest_ms);
        // In a fixed order the place in the cycle says it.
        if junction.signal.stage_order == StageOrder::Free {
            junction.stage_indexes().for_each(|stage| key.flag(self.served(stage)));
        }
    }

    /// The present stage's green ends, and the amber after it at `amber_until`.
    pub(super) fn green_ended(&mut self, at: MonoMs, amber_until: MonoMs, end: StageEnd) {
        if let Some(open) = self.stages.last_mut().filter(|open| open.ended.is_none()) {
            open.ended = Some((at, end));
            open.amber_until = Some(amber_until);
        }
    }

    /// The lamps change.
    pub(super) fn lamps(&mut self, junction: &Junction, lamps: &[Aspect], at: MonoMs) {
        let mut green = vec![false; self.green_since.len()];
        for (group, _) in junction.groups().iter().zip(lamps).filter(|(_, aspect)| **aspect == Aspect::Green)
        {
            group.lanes.iter().for_each(|lane| green[lane.index()] = true);
        }
        for ((since, sum), green) in self.green_since.iter_mut().zip(&mut self.lane_green_ms).zip(green) {
            if !green {
                *sum += since.take().map_or(0, |since| at.since(since));
            } else if since.is_none() {
                *since = Some(at);
            }
        }
    }

    /// Ends the cycle and begins the next; lanes that have green keep it. No record when nothing was served.
    pub(super) fn turn(
        &mut self,
        at: MonoMs,
        unfinished: StageEnd,
        plan_id: Option<String>,
        mode: Mode,
    ) -> Option<CycleRecord> {
        let stages = std::mem::take(&mut self.stages);
        let starts = stages.iter().skip(1).map(|next| next.began).chain([at]);
        let served = stages.iter().zip(starts).map(|(open, until)| open.close(until, unfinished)).collect();
        let lane_green_s: Vec<f64> = self
            .green_since
            .iter_mut()
            .zip(&mut self.lane_green_ms)
            .map(|(since, sum)| {
                let running = since.as_mut().map_or(0, |since| at.since(std::mem::replace(since, at)));
                seconds(std::mem::take(sum) + running)
            })
            .collect();
        let started = std::mem::replace(&mut self.started, at);
        (!stages.is_empty()).then_some(CycleRecord {
            plan_id,
            mode,
            started,
            ended: at,
            offset_error_s: None,
            stages: served,
            lane_queues: vec![LaneQueues::default(); lane_green_s.len()],
            lane_green_s,
        })
    }
}

impl Open {
    fn close(&self, until: MonoMs, unfinished: StageEnd) -> StageRecord {
        let (ended, end) = self.ended.unwrap_or((until, unfinished));
        let amber_until = self.amber_until.unwrap_or(ended).min(until);
        StageRecord {
            stage: self.stage,
            green_s: seconds(ended.since(self.began)),
            amber_s: seconds(amber_until.since(ended)),
            all_red_s: seconds(until.since(amber_until)),
            end,
        }
    }
}

fn seconds(ms: i64) -> f64 {
    ms as f64 / 1000.0
}
