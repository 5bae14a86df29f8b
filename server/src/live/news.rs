//! News of ingest as clients of the live feed see them.

use super::{LiveEvent, LiveKind};
use crate::ingest::Applied;
use serde_json::{Value, json};
use std::sync::Arc;

impl LiveEvent {
    /// The fields of the MQTT payload and the junction's id; `None`: nothing that clients see.
    pub fn of(news: &Applied) -> Option<Self> {
        let (junction, kind, payload) = match news {
            Applied::Counts(junction, _, counts) => {
                (*junction, LiveKind::CarCount, serde_json::to_value(counts))
            }
            Applied::Status(junction, status) => (*junction, LiveKind::Status, serde_json::to_value(status)),
            Applied::Signal(junction, signal) => (*junction, LiveKind::Signal, serde_json::to_value(signal)),
            Applied::Cycle(..) | Applied::Reply(..) => return None,
        };
        let mut payload = payload.ok()?;
        if kind == LiveKind::Status {
            hide_vehicles(&mut payload);
        }
        payload.as_object_mut()?.insert("junction_id".to_owned(), junction.to_string().into());
        Some(Self { junction, kind, payload: Arc::new(payload) })
    }
}

/// Takes the vehicles out of a device's status: alarms name the one that they are about, and who looks at a device does not look for a vehicle.
pub fn hide_vehicles(status: &mut Value) {
    for alarm in status.get_mut("alarms").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(alarm) = alarm.as_object_mut() {
            alarm.remove("epc");
        }
    }
}

/// Takes the vehicles out of counts of a lane; how many they are stays.
pub(super) fn hide_passages(counts: &mut Value) {
    let Some(counts) = counts.as_object_mut() else { return };
    counts.remove("passages");
    counts.remove("departures");
    if let Some(epcs) = counts.get_mut("epc_ids") {
        *epcs = json!([]);
    }
}
