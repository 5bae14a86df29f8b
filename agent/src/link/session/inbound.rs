//! Reads what comes down: only what is meant for this device and junction, and never a panic on any bytes.

use super::SessionConfig;
use crate::link::Inbound;
use flextraff_common::ids::JunctionId;
use flextraff_common::wire::topics::Topic;
use flextraff_common::wire::{Ack, Demand, GreenTime, WatchlistPage, WireError, decode};
use serde::de::DeserializeOwned;

/// What a message is to the session.
pub(super) enum Read {
    /// The server's answer to rows of our outbox.
    Ack(Ack),
    /// A watch-list, or a part of it.
    Watchlist(WatchlistPage),
    /// Something for another part of the agent.
    Inbound(Inbound),
    /// Nothing that concerns us.
    NotOurs,
}

pub(super) fn read(config: &SessionConfig, topic: &str, payload: &[u8]) -> Read {
    let unreadable = |reason: String| Read::Inbound(unreadable(topic, reason));
    let parsed = match topic.parse::<Topic>() {
        Ok(parsed) => parsed,
        Err(error) => return unreadable(error.to_string()),
    };
    let near = parsed.junction() == config.junction || config.linked.contains(&parsed.junction());
    let ours =
        parsed.junction() == config.junction && parsed.device().is_none_or(|device| device == config.device);
    let read = match parsed {
        Topic::Ack(..) if ours => decode::<Ack>(payload)
            .map(|ack| if ack.outbox_id == config.outbox { Read::Ack(ack) } else { Read::NotOurs }),
        Topic::GreenTime(junction) if ours => green_time(junction, payload),
        Topic::Command(..) if ours => message(payload, Inbound::Command),
        Topic::Keys(..) if ours => message(payload, Inbound::Keys),
        Topic::Watchlist(_) if ours => decode::<WatchlistPage>(payload).map(Read::Watchlist),
        Topic::Signal(junction) if near => message(payload, |signal| Inbound::Signal(junction, signal)),
        Topic::Demand(junction) if near => decode::<Demand>(payload).map(|demand| {
            if demand.device_id == config.device {
                Read::NotOurs
            } else {
                Read::Inbound(Inbound::Demand(junction, demand))
            }
        }),
        _ => Ok(Read::NotOurs),
    };
    read.unwrap_or_else(|error| unreadable(error.to_string()))
}

/// A message that cannot be used.
pub(super) fn unreadable(topic: &str, reason: String) -> Inbound {
    Inbound::Unreadable { topic: topic.chars().take(200).collect(), reason }
}

fn message<T: DeserializeOwned>(payload: &[u8], wrap: impl FnOnce(T) -> Inbound) -> Result<Read, WireError> {
    decode(payload).map(|message| Read::Inbound(wrap(message)))
}

fn green_time(junction: JunctionId, payload: &[u8]) -> Result<Read, WireError> {
    let plan: GreenTime = decode(payload)?;
    if plan.junction_id != junction {
        let reason = format!("junction_id is {}, the topic says {junction}", plan.junction_id);
        return Err(WireError::Malformed { reason });
    }
    Ok(Read::Inbound(Inbound::GreenTime(plan)))
}
