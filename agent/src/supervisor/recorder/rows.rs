//! What counting and the controller say, as rows of the outbox.

use crate::counting::IntervalCount;
use crate::outbox::{CountsRow, CycleRow, RowBody};
use crate::signal::{CycleRecord, LaneQueues};
use flextraff_common::junction::{Junction, LaneIx};
use flextraff_common::time::MonoMs;
use flextraff_common::wire::{CycleLane, CycleStage, Departure, Passage};
use std::collections::VecDeque;

pub(super) fn counts(junction: &Junction, interval: &IntervalCount) -> RowBody {
    let passages = interval.passages.iter().map(|passage| Passage {
        t_ms: passage.t_ms,
        dwell_ms: passage.dwell_ms,
        reads: passage.reads,
        open: passage.open,
        valid: passage.valid,
        prev: passage.prev.map(|prev| prev.to_string()),
    });
    let departures = interval.departures.iter().map(|departed| Departure {
        epc: departed.epc.to_string(),
        t_ms: departed.t_ms,
        dwell_ms: departed.dwell_ms,
        reads: departed.reads,
    });
    RowBody::CarCounts(CountsRow {
        lane_id: junction.lane(interval.lane).id,
        start: interval.start,
        end: interval.end,
        epc_ids: interval.passages.iter().map(|passage| passage.epc.to_string()).collect(),
        observed_s: interval.observed_ms as f64 / 1000.0,
        departed: interval.departures.len() as u32,
        present: interval.present,
        other_tags: interval.other_tags,
        passages: passages.collect(),
        departures: departures.collect(),
    })
}

/// The row of a cycle; `starts` are the first reads of the passages that are counted.
pub(super) fn cycle(
    junction: &Junction,
    cycle: &CycleRecord,
    starts: &VecDeque<(MonoMs, LaneIx)>,
) -> CycleRow {
    let within = |at: MonoMs| cycle.started <= at && at < cycle.ended;
    let queue = |lane: LaneIx, of: fn(&LaneQueues) -> Option<u32>| {
        cycle.lane_queues.get(lane.index()).and_then(of).map(f64::from)
    };
    let lanes = junction.lane_indexes().map(|lane| CycleLane {
        lane_id: junction.lane(lane).id,
        vehicle_count: starts.iter().filter(|start| start.1 == lane && within(start.0)).count() as u32,
        green_s: cycle.lane_green_s.get(lane.index()).copied().unwrap_or_default(),
        queue_start: queue(lane, |queues| queues.start),
        queue_end: queue(lane, |queues| queues.end),
    });
    let stages = cycle.stages.iter().map(|stage| CycleStage {
        stage: junction.stage(stage.stage).name.clone(),
        green_s: stage.green_s,
        amber_s: stage.amber_s,
        all_red_s: stage.all_red_s,
        end: stage.end,
    });
    CycleRow {
        plan_id: cycle.plan_id.clone(),
        mode: cycle.mode,
        started_at: cycle.started,
        ended_at: cycle.ended,
        offset_error_s: cycle.offset_error_s,
        stages: stages.collect(),
        lanes: lanes.collect(),
    }
}
