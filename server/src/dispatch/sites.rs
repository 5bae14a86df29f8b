//! What the database says of the junctions, brought to the planner when it changes.

use super::utc;
use crate::db::overrides::{self, OpenOverride};
use crate::db::sites::{self, Span};
use crate::db::{junctions, schedules};
use crate::junction_file::JunctionEntry;
use crate::planner::schedule::{Entry, Schedule};
use crate::planner::{Ended, Override, OverrideTimes, Planner, Site, WINDOW_MS};
use chrono::NaiveDate;
use flextraff_common::ids::{DeviceId, JunctionId};
use flextraff_common::junction::Junction;
use flextraff_common::plan::{EMERGENCY_VALID_S, MANUAL_VALID_S};
use flextraff_common::time::UnixMs;
use flextraff_common::wire::{DeviceType, Mode, StageTime};
use sqlx::PgPool;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Junctions that another program changed are noticed after this long, milliseconds.
const LOOK_EVERY_MS: i64 = 60_000;
/// A device of an unknown junction makes the task look again, but not more often than this, milliseconds.
const LOOK_AGAIN_AFTER_MS: i64 = 1000;

/// The last intervals are read each by itself, milliseconds: they may also be on their way from ingest, before or after they are read, and count once.
const EXACT_MS: i64 = 120_000;

/// What the planner was last told.
#[derive(Debug, Default)]
pub(super) struct Sites {
    known: BTreeMap<JunctionId, (JunctionEntry, Schedule)>,
    looked: Option<UnixMs>,
    /// Where the planner is still to learn what lanes showed lately.
    unseeded: BTreeSet<JunctionId>,
}

/// What the database says of all junctions.
pub(super) struct Read {
    entries: Vec<JunctionEntry>,
    schedules: BTreeMap<JunctionId, Vec<Entry>>,
    holidays: BTreeMap<JunctionId, BTreeSet<NaiveDate>>,
    open: BTreeMap<JunctionId, OpenOverride>,
    ended: BTreeMap<JunctionId, Ended>,
}

impl Read {
    /// As of `now`.
    pub(super) async fn all(db: &PgPool, now: UnixMs) -> sqlx::Result<Self> {
        let open = overrides::open(db).await?;
        // After those that run: one that ends meanwhile is among them, or among these.
        let mut ended: BTreeMap<JunctionId, Ended> = BTreeMap::new();
        for one in overrides::ended_early(db, utc(now)).await? {
            let until = UnixMs(one.expires_at.timestamp_millis());
            ended.entry(one.junction).or_default().note(mode(&one.mode), until);
        }
        Ok(Self {
            ended,
            entries: junctions::export(db).await?.junctions,
            schedules: schedules::entries(db, None).await?,
            holidays: schedules::holiday_dates(db, None).await?,
            open: open.into_iter().map(|open| (JunctionId(open.junction_id), open)).collect(),
        })
    }
}

impl Sites {
    pub(super) fn stale(&self, now: UnixMs) -> bool {
        self.looked.is_none_or(|looked| now.since(looked) >= LOOK_EVERY_MS)
    }

    pub(super) fn may_look_again(&self, now: UnixMs) -> bool {
        self.looked.is_none_or(|looked| now.since(looked) >= LOOK_AGAIN_AFTER_MS)
    }

    /// Whether a device is known to drive no lamps.
    pub(super) fn is_counter(&self, junction: JunctionId, device: DeviceId) -> bool {
        let Some((entry, _)) = self.known.get(&junction) else { return false };
        let mut devices = entry.devices.iter();
        devices.any(|known| known.device_id == device && known.device_type == DeviceType::RfidCounter)
    }

    /// A look at the junctions begins at `now`, whatever comes of it.
    pub(super) const fn look(&mut self, now: UnixMs) {
        self.looked = Some(now);
    }

    /// Tells the planner what is new, changed or gone by what was read at `now`.
    pub(super) fn take(&mut self, read: Read, planner: &mut Planner, now: UnixMs) {
        let Read { entries, mut schedules, mut holidays, open, ended } = read;
        let mut there = BTreeSet::new();
        for entry in entries.into_iter().filter(|entry| !entry.stages.is_empty()) {
            let id = entry.junction_id;
            there.insert(id);
            let schedule = Schedule {
                zone: entry.zone(),
                entries: schedules.remove(&id).unwrap_or_default(),
                holidays: holidays.remove(&id).unwrap_or_default(),
            };
            if self.known.get(&id).is_some_and(|known| known.0 == entry && known.1 == schedule) {
                continue;
            }
            match entry.build() {
                Ok(junction) => {
                    let running = open.get(&id).and_then(|open| running(open, &junction));
                    let (limits, base_cycle_s) = (entry.limits(), entry.base_cycle_s());
                    let site = Site::new(Arc::new(junction), limits, base_cycle_s, running, now)
                        .with_schedule(schedule.clone());
                    if planner.junction(id).is_none() {
                        self.unseeded.insert(id);
                    }
                    planner.add_site(site);
                }
                Err(problems) => {
                    tracing::warn!(junction = %id, problems = problems.join("; "), "a junction cannot be planned for");
                    planner.remove_site(id);
                }
            }
            self.known.insert(id, (entry, schedule));
        }
        for gone in planner.junctions().into_iter().filter(|id| !there.contains(id)) {
            planner.remove_site(gone);
            self.known.remove(&gone);
            self.unseeded.remove(&gone);
        }
        // What another server has set or ended, in case its word was missed.
        for id in planner.junctions() {
            let now_running = planner
                .junction(id)
                .and_then(|junction| open.get(&id).and_then(|open| running(open, junction)));
            planner.learn_override(id, now_running, ended.get(&id).copied().unwrap_or_default(), now);
        }
    }

    /// Until the planner begins at these junctions another server hears of them first.
    pub(super) fn begin(&mut self, junctions: Vec<JunctionId>) {
        self.unseeded.extend(junctions);
    }

    /// Brings the planner what lanes showed lately where it does not know.
    pub(super) async fn seed(&mut self, db: &PgPool, planner: &mut Planner, now: UnixMs) -> sqlx::Result<()> {
        let only = match self.unseeded.len() {
            0 => return Ok(()),
            1 => self.unseeded.first().copied(),
            _ => None,
        };
        let demand = sites::recent_demand(db, only, span(now)).await?;
        for junction in std::mem::take(&mut self.unseeded) {
            let own = demand.iter().filter(|recent| recent.junction == junction);
            let shown = own.map(|recent| (recent.lane, recent.shown));
            planner.reseed_demand(junction, shown, span(now).exact_since);
        }
        Ok(())
    }
}

/// A junction as the planner sees it at `now`, without its override; `None`: it is gone, or cannot be planned for.
pub(super) async fn site(db: &PgPool, id: JunctionId, now: UnixMs) -> sqlx::Result<Option<Site>> {
    let Some(entry) = junctions::entry(db, id).await? else { return Ok(None) };
    let Some(junction) = entry.build().ok().filter(|junction| !junction.stages().is_empty()) else {
        return Ok(None);
    };
    let schedule = Schedule {
        zone: entry.zone(),
        entries: schedules::entries(db, Some(id)).await?.remove(&id).unwrap_or_default(),
        holidays: schedules::holiday_dates(db, Some(id)).await?.remove(&id).unwrap_or_default(),
    };
    let mut site = Site::new(Arc::new(junction), entry.limits(), entry.base_cycle_s(), None, now)
        .with_schedule(schedule);
    let demand = sites::recent_demand(db, Some(id), span(now)).await?;
    site.seed_demand(demand.into_iter().map(|recent| (recent.lane, recent.shown)), span(now).exact_since);
    Ok(Some(site))
}

/// What is read of the demand at `now`.
fn span(now: UnixMs) -> Span {
    Span { since: now + -WINDOW_MS, exact_since: now + -EXACT_MS, until: now }
}

/// An override of the database as the planner takes it; one that is over ends at the planner's next look at the clock.
fn running(open: &OpenOverride, junction: &Junction) -> Option<Override> {
    let mode = mode(&open.mode);
    let usual_s = if mode == Mode::Emergency { EMERGENCY_VALID_S } else { MANUAL_VALID_S };
    let times = match (&open.stages, open.lane_times, open.total_cycle_time) {
        (Some(stages), _, _) => OverrideTimes::Stages(stage_times(stages)?),
        (None, Some(lanes), Some(cycle)) => {
            let mut times = vec![0.0; junction.lanes().len()];
            for (name, time) in ["N", "S", "E", "W"].iter().zip(lanes) {
                times[junction.lane_named(name)?.index()] = f64::from(time);
            }
            OverrideTimes::Lanes { times, cycle: f64::from(cycle) }
        }
        _ => return None,
    };
    let until = open.expires_at.map_or(i64::from(usual_s) * 1000, |at| at.timestamp_millis());
    Some(Override { id: open.override_id, mode, times, until: UnixMs(until), reason: open.reason.clone() })
}

/// The mode of an override, as the database names it.
fn mode(name: &str) -> Mode {
    if name == "emergency" { Mode::Emergency } else { Mode::ManualOverride }
}

fn stage_times(stages: &serde_json::Value) -> Option<Vec<StageTime>> {
    let list = stages.as_array()?;
    list.iter()
        .map(|stage| {
            Some(StageTime {
                stage: stage.get("stage")?.as_str()?.to_owned(),
                green_s: stage.get("green_s").and_then(serde_json::Value::as_f64).unwrap_or_default(),
                ..StageTime::default()
            })
        })
        .collect()
}
