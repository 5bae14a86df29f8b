//! Acknowledgements to the senders of a committed batch. Pure.

use super::apply::{Fate, Item};
use crate::mqtt::Outgoing;
use flextraff_common::ids::{DeviceId, JunctionId, OutboxId};
use flextraff_common::wire::topics::Topic;
use flextraff_common::wire::{Ack, RejectCode, encode};
use std::collections::BTreeMap;

#[derive(Default)]
struct Rows {
    committed: Vec<u64>,
    rejected: BTreeMap<u64, RejectCode>,
}

/// One acknowledgement for each sender's outbox: what is committed, now or before, and what is refused.
pub fn answers(items: &[Item], fates: &[Fate]) -> Vec<Outgoing> {
    let mut senders: BTreeMap<(JunctionId, DeviceId, OutboxId), Rows> = BTreeMap::new();
    for (item, fate) in items.iter().zip(fates) {
        match (fate, &item.message) {
            (Fate::Refused(refusal), _) => {
                if let (Some(junction), Some(device), Some(delivery)) =
                    (refusal.junction, refusal.device, &refusal.delivery)
                {
                    let rows = senders.entry((junction, device, delivery.outbox_id)).or_default();
                    rows.rejected.insert(delivery.seq.0, refusal.code);
                }
            }
            (Fate::Stored | Fate::Duplicate, Ok(message)) => {
                if let Some(delivery) = message.delivery() {
                    let sender = (message.junction(), delivery.device_id, delivery.outbox_id);
                    senders.entry(sender).or_default().committed.push(delivery.seq.0);
                }
            }
            (Fate::Left { .. }, _) | (_, Err(_)) => {}
        }
    }
    senders
        .into_iter()
        .map(|((junction, device, outbox_id), mut rows)| {
            rows.committed.sort_unstable();
            let ack = Ack { outbox_id, committed: ranges(&rows.committed), rejected: runs(&rows.rejected) };
            Outgoing { topic: Topic::Ack(junction, device), payload: encode(&ack) }
        })
        .collect()
}

/// Sorted numbers as ranges, both ends included.
fn ranges(sorted: &[u64]) -> Vec<(u64, u64)> {
    let mut ranges: Vec<(u64, u64)> = Vec::new();
    for &number in sorted {
        match ranges.last_mut() {
            Some((_, last)) if number <= last.saturating_add(1) => *last = number,
            _ => ranges.push((number, number)),
        }
    }
    ranges
}

/// Neighbours that are refused for the same reason, together.
fn runs(rejected: &BTreeMap<u64, RejectCode>) -> Vec<(u64, u64, RejectCode)> {
    let mut runs: Vec<(u64, u64, RejectCode)> = Vec::new();
    for (&number, &code) in rejected {
        match runs.last_mut() {
            Some((_, last, same)) if *same == code && number == *last + 1 => *last = number,
            _ => runs.push((number, number, code)),
        }
    }
    runs
}
