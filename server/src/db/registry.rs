//! Which junctions, lanes and devices there are: what ingest checks each message against.

use crate::junction_file::JunctionFile;
use chrono::{DateTime, Utc};
use flextraff_common::ids::{DeviceId, JunctionId, LaneId};
use sqlx::PgConnection;
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// The lanes and devices of some junctions.
#[derive(Clone, Debug, Default)]
pub struct Registry {
    junctions: BTreeSet<JunctionId>,
    lanes: BTreeMap<LaneId, JunctionId>,
    removed: BTreeMap<(JunctionId, LaneId), Removed>,
    devices: BTreeMap<DeviceId, Assigned>,
}

/// A lane that a junction has no more.
#[derive(Clone, Debug)]
struct Removed {
    at: DateTime<Utc>,
    /// The devices that served it by name.
    served_by: Vec<Uuid>,
}

#[derive(Clone, Debug)]
struct Assigned {
    junction: JunctionId,
    /// Empty: all of the junction.
    lanes: Vec<Uuid>,
}

/// What is known of a lane at a junction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LaneAt {
    /// The junction has it.
    There,
    /// The junction had it until then.
    Removed(DateTime<Utc>),
    /// The junction never had it, or too long ago.
    Unknown,
}

/// What is known of a device at a junction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceAt {
    /// It is assigned to the junction and serves the lanes.
    Assigned,
    /// It is assigned to the junction, but serves other lanes.
    OtherLanes,
    /// It is not assigned to the junction.
    Unknown,
}

impl Registry {
    /// Reads what belongs to `junctions`, as it is now.
    pub async fn load(db: &mut PgConnection, junctions: &[Uuid]) -> Result<Self, sqlx::Error> {
        let mut registry = Self::default();
        let found =
            sqlx::query_scalar!("SELECT junction_id FROM junctions WHERE junction_id = ANY($1)", junctions)
                .fetch_all(&mut *db)
                .await?;
        registry.junctions = found.into_iter().map(JunctionId).collect();
        let lanes = sqlx::query!(
            r#"
            SELECT lane_id AS "lane_id!", junction_id AS "junction_id!", NULL::timestamptz AS removed_at, '{}'::uuid[] AS "served_by!"
            FROM lanes WHERE junction_id = ANY($1)
            UNION ALL
            SELECT lane_id, junction_id, removed_at, served_by FROM removed_lanes WHERE junction_id = ANY($1)
            "#,
            junctions
        )
        .fetch_all(&mut *db)
        .await?;
        for row in lanes {
            let (junction, lane) = (JunctionId(row.junction_id), LaneId(row.lane_id));
            if let Some(at) = row.removed_at {
                registry.removed.insert((junction, lane), Removed { at, served_by: row.served_by });
            } else {
                registry.lanes.insert(lane, junction);
            }
        }
        let devices = sqlx::query!(
            r#"
            SELECT d.device_id, d.junction_id,
                   array_remove(array_agg(l.lane_id) || d.lane_id, NULL) AS "lanes!"
            FROM edge_devices d LEFT JOIN edge_device_lanes l USING (device_id)
            WHERE d.junction_id = ANY($1) AND d.revoked_at IS NULL
            GROUP BY d.device_id
            "#,
            junctions
        )
        .fetch_all(&mut *db)
        .await?;
        registry.devices = devices
            .into_iter()
            .map(|row| {
                let assigned = Assigned { junction: JunctionId(row.junction_id), lanes: row.lanes };
                (DeviceId(row.device_id), assigned)
            })
            .collect();
        Ok(registry)
    }

    /// Whether there is such a junction.
    pub fn has_junction(&self, junction: JunctionId) -> bool {
        self.junctions.contains(&junction)
    }

    /// Whether a lane belongs to a junction, or did.
    pub fn lane_at(&self, junction: JunctionId, lane: LaneId) -> LaneAt {
        if self.lanes.get(&lane) == Some(&junction) {
            return LaneAt::There;
        }
        self.removed.get(&(junction, lane)).map_or(LaneAt::Unknown, |removed| LaneAt::Removed(removed.at))
    }

    /// Whether a device may speak for these lanes of a junction.
    pub fn device_at(&self, device: DeviceId, junction: JunctionId, lanes: &[LaneId]) -> DeviceAt {
        match self.devices.get(&device) {
            Some(assigned) if assigned.junction == junction => {
                let serves = |lane: &LaneId| {
                    assigned.lanes.contains(&lane.0)
                        || self
                            .removed
                            .get(&(junction, *lane))
                            .is_some_and(|removed| removed.served_by.contains(&device.0))
                };
                if assigned.lanes.is_empty() || lanes.iter().all(serves) {
                    DeviceAt::Assigned
                } else {
                    DeviceAt::OtherLanes
                }
            }
            _ => DeviceAt::Unknown,
        }
    }
}

/// What a file says instead of the database.
impl From<&JunctionFile> for Registry {
    fn from(file: &JunctionFile) -> Self {
        let mut registry = Self::default();
        for entry in &file.junctions {
            let junction = entry.junction_id;
            registry.junctions.insert(junction);
            registry.lanes.extend(entry.lanes.iter().map(|lane| (lane.lane_id, junction)));
            registry.devices.extend(entry.devices.iter().map(|device| {
                let lanes = device.lanes.iter().map(|lane| lane.0).collect();
                (device.device_id, Assigned { junction, lanes })
            }));
        }
        registry
    }
}
