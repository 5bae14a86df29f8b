//! Junctions as the planner needs them: shape, times and limits.

use flextraff_common::ids::{JunctionId, LaneId};
use flextraff_common::junction::{
    CompatibleSpec, GroupKind, GroupSpec, IntergreenSpec, JunctionSpec, LaneSpec, SignalSpec, StageOrder,
    StageSpec,
};
use flextraff_common::plan::Limits;
use serde::Deserialize;
use sqlx::PgPool;
use std::collections::BTreeMap;
use uuid::Uuid;

/// A junction of the database.
#[derive(Clone, Debug)]
pub struct SiteRow {
    /// Its shape and times, not yet checked.
    pub spec: JunctionSpec,
    /// Shortest and longest cycle.
    pub limits: Limits,
    /// Cycle without measurements, seconds.
    pub base_cycle_s: u32,
}

/// Times that the database keeps as JSON; what is absent is as the agent's TOML would have it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct StoredSignal {
    amber_s: Option<f64>,
    all_red_s: Option<f64>,
    red_amber_s: Option<f64>,
    stage_order: Option<StageOrder>,
    longest_red_s: Option<f64>,
}

/// Every junction that has lanes and stages.
pub async fn all(db: &PgPool) -> sqlx::Result<Vec<SiteRow>> {
    let mut transaction = db.begin().await?;
    sqlx::query!("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        .execute(&mut *transaction)
        .await?;
    let junctions = sqlx::query!(
        "SELECT junction_id, junction_name, min_cycle_time, max_cycle_time, base_cycle_time, signal, compatible, intergreens
         FROM junctions ORDER BY junction_id"
    )
    .fetch_all(&mut *transaction)
    .await?;
    let lanes =
        sqlx::query!("SELECT lane_id, junction_id, lane_name, direction_enum FROM lanes ORDER BY lane_index")
            .fetch_all(&mut *transaction)
            .await?;
    let groups = sqlx::query!(
        "SELECT junction_id, group_name, kind, lane_ids, exits FROM signal_groups ORDER BY group_index"
    )
    .fetch_all(&mut *transaction)
    .await?;
    let stages = sqlx::query!(
        "SELECT junction_id, stage_name, groups, min_green_s, max_green_s, skip FROM stages ORDER BY stage_index"
    )
    .fetch_all(&mut *transaction)
    .await?;
    transaction.commit().await?;

    let lane_names: BTreeMap<Uuid, String> =
        lanes.iter().map(|lane| (lane.lane_id, lane.lane_name.clone())).collect();
    let mut lanes_of: BTreeMap<Uuid, Vec<LaneSpec>> = BTreeMap::new();
    for lane in lanes {
        let direction = lane.direction_enum.and_then(|name| read(name.into()));
        let spec = LaneSpec { id: LaneId(lane.lane_id), name: lane.lane_name, direction };
        lanes_of.entry(lane.junction_id).or_default().push(spec);
    }
    let mut groups_of: BTreeMap<Uuid, Vec<GroupSpec>> = BTreeMap::new();
    for group in groups {
        let lanes = group.lane_ids.iter().filter_map(|lane| lane_names.get(lane).cloned()).collect();
        let kind = read(group.kind.into()).unwrap_or(GroupKind::Vehicle);
        let spec = GroupSpec { name: group.group_name, kind, lanes, exits: group.exits };
        groups_of.entry(group.junction_id).or_default().push(spec);
    }
    let mut stages_of: BTreeMap<Uuid, Vec<StageSpec>> = BTreeMap::new();
    for stage in stages {
        stages_of.entry(stage.junction_id).or_default().push(StageSpec {
            name: stage.stage_name,
            groups: stage.groups,
            lanes: Vec::new(),
            min_green_s: stage.min_green_s,
            max_green_s: stage.max_green_s,
            skip: stage.skip,
        });
    }

    let mut sites = Vec::new();
    for row in junctions {
        let Some(stages) = stages_of.remove(&row.junction_id) else { continue };
        let signal: StoredSignal = read(row.signal).unwrap_or_default();
        let usual = SignalSpec::default();
        let seconds = |value: i32| u32::try_from(value).unwrap_or_default();
        sites.push(SiteRow {
            spec: JunctionSpec {
                id: JunctionId(row.junction_id),
                name: row.junction_name,
                lanes: lanes_of.remove(&row.junction_id).unwrap_or_default(),
                groups: groups_of.remove(&row.junction_id).unwrap_or_default(),
                stages,
                compatible: read::<Vec<CompatibleSpec>>(row.compatible).unwrap_or_default(),
                intergreens: read::<Vec<IntergreenSpec>>(row.intergreens).unwrap_or_default(),
                signal: SignalSpec {
                    amber_s: signal.amber_s.unwrap_or(usual.amber_s),
                    all_red_s: signal.all_red_s.unwrap_or(usual.all_red_s),
                    red_amber_s: signal.red_amber_s.unwrap_or(usual.red_amber_s),
                    stage_order: signal.stage_order.unwrap_or(usual.stage_order),
                    longest_red_s: signal.longest_red_s.unwrap_or(usual.longest_red_s),
                    ..usual
                },
            },
            limits: Limits {
                min_cycle_s: seconds(row.min_cycle_time),
                max_cycle_s: seconds(row.max_cycle_time),
            },
            base_cycle_s: seconds(row.base_cycle_time),
        });
    }
    Ok(sites)
}

/// What the lanes of all junctions showed since a moment: lane, end of interval (Unix milliseconds), vehicles, seconds watched.
pub async fn recent_demand(
    db: &PgPool,
    since_unix_ms: i64,
) -> sqlx::Result<Vec<(JunctionId, LaneId, i64, f64, f64)>> {
    let rows = sqlx::query!(
        r#"SELECT junction_id, lane_id, (EXTRACT(EPOCH FROM max(ts)) * 1000)::bigint AS "end!",
                  sum(vehicle_count)::double precision AS "vehicles!", sum(observed_s)::double precision AS "observed!"
           FROM car_counts
           WHERE ts > to_timestamp($1::double precision / 1000) AND observed_s IS NOT NULL
           GROUP BY junction_id, lane_id, date_trunc('minute', ts) ORDER BY 1, 2, 3"#,
        since_unix_ms as f64,
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| (JunctionId(row.junction_id), LaneId(row.lane_id), row.end, row.vehicles, row.observed))
        .collect())
}

fn read<T: serde::de::DeserializeOwned>(value: serde_json::Value) -> Option<T> {
    serde_json::from_value(value).ok()
}
