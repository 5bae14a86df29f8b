//! What a row says, with monotonic times; wall times come in when it is first sent.

use flextraff_common::ids::{BootId, DeviceId, JunctionId, LaneId, OutboxId, Seq};
use flextraff_common::time::{ClockState, MonoMs, UnixMs};
use flextraff_common::wire::topics::Topic;
use flextraff_common::wire::{
    CarCounts, ClockFix, CycleLane, CycleStage, Cycles, Delivery, Departure, Events, Gap, MAX_EPCS,
    MAX_PAYLOAD, Mode, Passage, encode,
};
use serde::{Deserialize, Serialize};

/// A message that waits for the server, without wall times.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum RowBody {
    /// Passages of one lane in one interval.
    CarCounts(CountsRow),
    /// A finished cycle.
    Cycle(CycleRow),
    /// High-resolution events.
    Events(EventsRow),
    /// What was lost.
    Gap(GapRow),
    /// The true difference of wall and monotonic clock of this uptime.
    ClockFix(ClockFixRow),
}

/// Passages of one lane in one interval.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CountsRow {
    /// The lane.
    pub lane_id: LaneId,
    /// Start of the interval.
    pub start: MonoMs,
    /// End of the interval.
    pub end: MonoMs,
    /// EPC or pseudonym of each passage that began in the interval; their number is the count.
    pub epc_ids: Vec<String>,
    /// Seconds of the interval in which the lane was really watched.
    pub observed_s: f64,
    /// Passages that closed in the interval.
    pub departed: u32,
    /// Passages open at its end.
    pub present: Option<u32>,
    /// Tags read that are no FASTags, where only FASTags count.
    pub other_tags: Option<u32>,
    /// Details of each passage, aligned with `epc_ids`.
    pub passages: Vec<Passage>,
    /// Details of each passage that closed.
    pub departures: Vec<Departure>,
}

/// A finished cycle.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CycleRow {
    /// The plan that it ran; none: the fallback.
    pub plan_id: Option<String>,
    /// Who decided.
    pub mode: Mode,
    /// Start of its first green.
    pub started_at: MonoMs,
    /// Start of the next cycle's first green.
    pub ended_at: MonoMs,
    /// How much later than the offset its first green began, seconds; none: not coordinated.
    #[serde(default)]
    pub offset_error_s: Option<f64>,
    /// Its stages in the order in which they were served.
    pub stages: Vec<CycleStage>,
    /// What each lane saw.
    pub lanes: Vec<CycleLane>,
}

/// High-resolution events.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventsRow {
    /// Time, code and parameter, in order of time.
    pub events: Vec<(MonoMs, u16, u32)>,
}

/// What was lost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GapRow {
    /// Start of what is missing; none: unknown.
    pub from: Option<Stamp>,
    /// End of what is missing.
    pub to: Option<Stamp>,
    /// When the loss was noticed.
    pub noticed: MonoMs,
    /// The lanes concerned; empty: all.
    pub lanes: Vec<LaneId>,
    /// How many rows; none: unknown.
    pub rows: Option<u64>,
    /// Why, in words.
    pub reason: String,
}

/// The true difference of the clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockFixRow {
    /// When it became known.
    pub at: MonoMs,
    /// Unix time minus monotonic time, milliseconds.
    pub offset_ms: i64,
}

/// A moment of any uptime.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    /// The uptime.
    pub boot: BootId,
    /// The moment in it.
    pub at: MonoMs,
}

/// Payloads stay this far below [`MAX_PAYLOAD`] when rows are cut to size, because sequence numbers and years may grow longer than those of
/// the sample that is measured.
const MARGIN: usize = 1024;

impl RowBody {
    /// Name of the kind as the database keeps it.
    pub(super) const fn kind(&self) -> &'static str {
        match self {
            Self::CarCounts(_) => "car_counts",
            Self::Cycle(_) => "cycle",
            Self::Events(_) => "events",
            Self::Gap(_) => "gap",
            Self::ClockFix(_) => "clock_fix",
        }
    }

    /// Start and end of what the row tells. The end is the row's own time: a clock fix moves all its times by as much as this one.
    pub(crate) fn span(&self) -> (MonoMs, MonoMs) {
        match self {
            Self::CarCounts(counts) => (counts.start, counts.end),
            Self::Cycle(cycle) => (cycle.started_at, cycle.ended_at),
            Self::Events(row) => (
                row.events.first().map_or(MonoMs(0), |event| event.0),
                row.events.last().map_or(MonoMs(0), |event| event.0),
            ),
            Self::Gap(gap) => (gap.noticed, gap.noticed),
            Self::ClockFix(fix) => (fix.at, fix.at),
        }
    }

    /// Where it is published.
    pub(super) const fn topic(&self, junction: JunctionId, device: DeviceId) -> Topic {
        match self {
            Self::CarCounts(counts) => Topic::CarCounts(junction, counts.lane_id),
            Self::Cycle(_) => Topic::Cycles(junction, device),
            Self::Events(_) => Topic::Events(junction, device),
            Self::Gap(_) => Topic::Gap(junction, device),
            Self::ClockFix(_) => Topic::ClockFix(junction, device),
        }
    }

    /// The payload, with the wall time that `wall` gives each moment.
    pub(super) fn payload(
        &self,
        junction: JunctionId,
        delivery: Delivery,
        wall: impl Fn(BootId, MonoMs) -> UnixMs,
    ) -> String {
        let boot = delivery.boot_id;
        let at = |moment: MonoMs| wall(boot, moment);
        match self {
            Self::CarCounts(row) => encode(&CarCounts {
                junction_id: junction,
                lane_id: row.lane_id,
                vehicle_count: row.epc_ids.len() as i64,
                epc_ids: row.epc_ids.clone(),
                timestamp: Some(at(row.end)),
                delivery: Some(delivery),
                interval_start: Some(at(row.start)),
                observed_s: Some(row.observed_s),
                departed: Some(row.departed),
                present: row.present,
                other_tags: row.other_tags,
                passages: Some(row.passages.clone()),
                departures: Some(row.departures.clone()),
            }),
            Self::Cycle(row) => encode(&Cycles {
                delivery,
                plan_id: row.plan_id.clone(),
                mode: row.mode,
                started_at: at(row.started_at),
                ended_at: at(row.ended_at),
                offset_error_s: row.offset_error_s,
                stages: row.stages.clone(),
                lanes: row.lanes.clone(),
            }),
            Self::Events(row) => encode(&Events {
                delivery,
                events: row
                    .events
                    .iter()
                    .map(|&(moment, code, parameter)| (at(moment), code, parameter))
                    .collect(),
            }),
            Self::Gap(row) => encode(&Gap {
                delivery,
                from: row.from.map(|stamp| wall(stamp.boot, stamp.at)),
                to: row.to.map(|stamp| wall(stamp.boot, stamp.at)),
                lanes: row.lanes.clone(),
                rows: row.rows,
                reason: row.reason.clone(),
            }),
            Self::ClockFix(row) => encode(&ClockFix { delivery, offset_ms: row.offset_ms }),
        }
    }

    /// Cuts the row into as many as it takes for each to fit into a message; none when it is too large and cannot be cut. The parts add up to
    /// the whole: counts, departures and observed seconds stand in one part only.
    pub(super) fn fit(self) -> Option<Vec<Self>> {
        if self.fits() {
            return Some(vec![self]);
        }
        let (first, second) = self.halve()?;
        let mut parts = first.fit()?;
        parts.extend(second.fit()?);
        Some(parts)
    }

    /// The first of what this row is stored as; none when it is too large to be stored.
    pub fn stored_first(&self) -> Option<String> {
        self.clone().fit()?.first().map(stored_as)
    }

    fn fits(&self) -> bool {
        if let Self::CarCounts(row) = self
            && row.epc_ids.len() > MAX_EPCS
        {
            return false;
        }
        let nil = uuid::Uuid::nil();
        let sample = Delivery {
            device_id: DeviceId(nil),
            outbox_id: OutboxId(nil),
            seq: Seq(u64::MAX),
            boot_id: BootId(nil),
            mono_ms: MonoMs(i64::MAX),
            clock: ClockState::Unsynced,
        };
        let payload = self.payload(JunctionId(nil), sample, |_, _| UnixMs(1_800_000_000_123));
        payload.len() + MARGIN <= MAX_PAYLOAD
    }

    fn halve(self) -> Option<(Self, Self)> {
        match self {
            Self::CarCounts(mut row) if row.epc_ids.len() > 1 || row.departures.len() > 1 => {
                let middle = row.epc_ids.len() / 2;
                let departures = row.departures.split_off(row.departures.len() / 2);
                let second = CountsRow {
                    lane_id: row.lane_id,
                    start: row.start,
                    end: row.end,
                    epc_ids: row.epc_ids.split_off(middle),
                    observed_s: 0.0,
                    departed: departures.len() as u32,
                    present: None,
                    other_tags: None,
                    passages: row.passages.split_off(middle.min(row.passages.len())),
                    departures,
                };
                row.departed = row.departed.saturating_sub(second.departed);
                Some((Self::CarCounts(row), Self::CarCounts(second)))
            }
            Self::Events(mut row) if row.events.len() > 1 => {
                let second = EventsRow { events: row.events.split_off(row.events.len() / 2) };
                Some((Self::Events(row), Self::Events(second)))
            }
            _ => None,
        }
    }
}

/// A row that is not cut, as it lies in the file until it is handed out.
pub(super) fn stored_as(row: &RowBody) -> String {
    serde_json::to_string(row).expect("rows serialise to JSON: their map keys are strings")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn counts(vehicles: usize, departures: usize, epc_chars: usize) -> CountsRow {
        let epc = |n: usize| format!("{n:0epc_chars$}");
        CountsRow {
            lane_id: LaneId(uuid::Uuid::from_u128(1)),
            start: MonoMs(0),
            end: MonoMs(5000),
            epc_ids: (0..vehicles).map(epc).collect(),
            observed_s: 5.0,
            departed: departures as u32,
            present: Some(3),
            other_tags: Some(1),
            passages: (0..vehicles)
                .map(|n| Passage {
                    t_ms: n as i64,
                    dwell_ms: 0,
                    reads: 1,
                    open: true,
                    valid: true,
                    prev: Some(epc(n)),
                })
                .collect(),
            departures: (0..departures)
                .map(|n| Departure { epc: epc(n), t_ms: n as i64, dwell_ms: 0, reads: 1 })
                .collect(),
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn parts_fit_and_add_up_to_the_whole(
            vehicles in 0_usize..3500, departures in 0_usize..3500, epc_chars in 8_usize..64,
        ) {
            let whole = counts(vehicles, departures, epc_chars);
            let parts = RowBody::CarCounts(whole.clone()).fit().expect("counts can be cut");
            let mut sum = counts(0, 0, 8);
            (sum.observed_s, sum.present, sum.other_tags) = (0.0, None, None);
            for part in parts {
                prop_assert!(part.fits());
                let RowBody::CarCounts(part) = part else { panic!("counts stay counts") };
                prop_assert!(part.epc_ids.len() <= MAX_EPCS);
                prop_assert_eq!(part.epc_ids.len(), part.passages.len());
                sum.epc_ids.extend(part.epc_ids);
                sum.passages.extend(part.passages);
                sum.departures.extend(part.departures);
                sum.departed += part.departed;
                sum.observed_s += part.observed_s;
                sum.present = sum.present.or(part.present);
                sum.other_tags = sum.other_tags.or(part.other_tags);
            }
            prop_assert_eq!(sum, whole);
        }
    }

    #[test]
    fn what_cannot_be_cut_is_refused() {
        let stage = |stage: String| CycleStage {
            stage,
            green_s: 1.0,
            amber_s: 3.0,
            all_red_s: 2.0,
            end: flextraff_common::wire::StageEnd::Plan,
        };
        let cycle = RowBody::Cycle(CycleRow {
            plan_id: None,
            mode: Mode::Automatic,
            started_at: MonoMs(0),
            ended_at: MonoMs(1),
            offset_error_s: None,
            stages: vec![stage("x".repeat(MAX_PAYLOAD))],
            lanes: Vec::new(),
        });
        assert_eq!(cycle.fit(), None);
    }
}
