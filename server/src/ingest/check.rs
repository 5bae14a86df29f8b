//! Whether a message speaks of what there is. Pure.

use super::decode::{Message, Refusal};
use crate::db::registry::{DeviceAt, LaneAt, Registry};
use flextraff_common::wire::{Delivery, RejectCode};

/// Checks that the ids of a message exist and belong together.
///
/// # Errors
/// The first that does not.
pub fn check(message: &Message, registry: &Registry) -> Result<(), Box<Refusal>> {
    let junction = message.junction();
    let refuse = |code, detail| Err(Box::new(message.refuse(code, detail)));
    if !registry.has_junction(junction) {
        return refuse(RejectCode::UnknownJunction, format!("there is no junction {junction}"));
    }
    let lanes = message.lanes();
    for lane in &lanes {
        let problem = match registry.lane_at(junction, *lane) {
            LaneAt::There => continue,
            // What an outbox kept of the time when it was there counts.
            LaneAt::Removed(at) if message.began().is_none_or(|began| began < at) => continue,
            LaneAt::Removed(at) => format!("lane {lane} was taken out of junction {junction} at {at:?}"),
            LaneAt::Unknown => format!("junction {junction} has no lane {lane}"),
        };
        return refuse(RejectCode::UnknownLane, problem);
    }
    match message.device().map(|device| (device, registry.device_at(device, junction, &lanes))) {
        None | Some((_, DeviceAt::Assigned)) => Ok(()),
        Some((device, DeviceAt::OtherLanes)) => {
            refuse(RejectCode::UnknownDevice, format!("device {device} does not serve this lane"))
        }
        Some((device, DeviceAt::Unknown)) => refuse(
            RejectCode::UnknownDevice,
            format!("device {device} is not assigned to junction {junction}"),
        ),
    }
}

/// The row of an outbox that a refused message is, where its device is one of its junction: who is none may claim to be any.
pub(super) fn own_row<'a>(refusal: &'a Refusal, registry: &Registry) -> Option<&'a Delivery> {
    let (junction, row) = (refusal.junction?, refusal.delivery.as_ref()?);
    let is_its_own = refusal.device == Some(row.device_id)
        && registry.device_at(row.device_id, junction, &[]) != DeviceAt::Unknown;
    is_its_own.then_some(row)
}
