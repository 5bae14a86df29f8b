//! Which junctions, lanes and devices there are: what ingest checks each message against.

use crate::junction_file::JunctionFile;
use flextraff_common::ids::{DeviceId, JunctionId, LaneId};
use sqlx::PgConnection;
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// The lanes and devices of some junctions.
#[derive(Clone, Debug, Default)]
pub struct Registry {
    junctions: BTreeSet<JunctionId>,
    lanes: BTreeMap<LaneId, JunctionId>,
    devices: BTreeMap<DeviceId, Assigned>,
}

#[derive(Clone, Debug)]
struct Assigned {
    junction: JunctionId,
    /// Empty: all of the junction.
    lanes: Vec<Uuid>,
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
        let lanes =
            sqlx::query!("SELECT lane_id, junction_id FROM lanes WHERE junction_id = ANY($1)", junctions)
                .fetch_all(&mut *db)
                .await?;
        registry.lanes =
            lanes.into_iter().map(|lane| (LaneId(lane.lane_id), JunctionId(lane.junction_id))).collect();
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

    /// Whether a lane belongs to a junction.
    pub fn has_lane(&self, junction: JunctionId, lane: LaneId) -> bool {
        self.lanes.get(&lane) == Some(&junction)
    }

    /// Whether a device may speak for these lanes of a junction.
    pub fn device_at(&self, device: DeviceId, junction: JunctionId, lanes: &[LaneId]) -> DeviceAt {
        match self.devices.get(&device) {
            Some(assigned) if assigned.junction == junction => {
                let all =
                    assigned.lanes.is_empty() || lanes.iter().all(|lane| assigned.lanes.contains(&lane.0));
                if all { DeviceAt::Assigned } else { DeviceAt::OtherLanes }
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
