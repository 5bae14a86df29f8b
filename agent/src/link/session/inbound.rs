//! Reads what comes down: only what is meant for this device and junction, and never a panic on any bytes.

use super::SessionConfig;
use crate::link::Inbound;
use flextraff_common::ids::JunctionId;
use flextraff_common::plan::MAX_PLAN_ID;
use flextraff_common::wire::topics::Topic;
use flextraff_common::wire::{
    Ack, Demand, GreenTime, MAX_PAYLOAD, PlanState, PlanStatus, WatchlistPage, WireError, decode,
};
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// Most departures to come, and most that are over, that a demand message is heard for: several times what its lanes hold.
const MOST_DEPARTURES: usize = 1000;

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
        Topic::GreenTime(junction) if ours => Ok(Read::Inbound(green_time(junction, payload))),
        Topic::Command(..) if ours => message(payload, Inbound::Command),
        Topic::Keys(..) if ours => message(payload, Inbound::Keys),
        Topic::Watchlist(_) if ours => decode::<WatchlistPage>(payload).map(Read::Watchlist),
        Topic::Signal(junction) if near => message(payload, |signal| Inbound::Signal(junction, signal)),
        Topic::Demand(junction) if near => decode::<Demand>(payload).map(|demand| {
            if demand.device_id == config.device {
                Read::NotOurs
            } else {
                Read::Inbound(Inbound::Demand(junction, bounded(demand)))
            }
        }),
        _ => Ok(Read::NotOurs),
    };
    read.unwrap_or_else(|error| unreadable(error.to_string()))
}

/// A message of another device with no more vehicles than a junction sends away in one second; the first count.
fn bounded(mut demand: Demand) -> Demand {
    let mut left = MOST_DEPARTURES;
    demand.departures.truncate(MOST_DEPARTURES);
    for departures in &mut demand.departures {
        departures.in_s.truncate(left);
        left -= departures.in_s.len();
    }
    demand.departed.truncate(MOST_DEPARTURES);
    demand
}

/// A message that cannot be used.
pub(super) fn unreadable(topic: &str, reason: String) -> Inbound {
    Inbound::Unreadable { topic: topic.chars().take(200).collect(), reason }
}

fn message<T: DeserializeOwned>(payload: &[u8], wrap: impl FnOnce(T) -> Inbound) -> Result<Read, WireError> {
    decode(payload).map(|message| Read::Inbound(wrap(message)))
}

/// A plan, or why it is refused: the same answer as for one that breaks a rule of the junction.
fn green_time(junction: JunctionId, payload: &[u8]) -> Inbound {
    let reason = match decode::<GreenTime>(payload) {
        Ok(plan) if plan.junction_id == junction => return Inbound::GreenTime(plan),
        Ok(plan) => format!("junction_id is {}, the topic says {junction}", plan.junction_id),
        Err(error) => error.to_string(),
    };
    let reasons = vec![reason];
    Inbound::UnreadablePlan(PlanStatus { plan_id: plan_id(payload), state: PlanState::Refused, reasons })
}

/// The name of a plan that cannot be read, so that whoever sent it knows which it is.
fn plan_id(payload: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Named {
        plan_id: String,
    }
    let named = (payload.len() <= MAX_PAYLOAD).then(|| serde_json::from_slice::<Named>(payload).ok());
    named.flatten().map(|named| named.plan_id.chars().take(MAX_PLAN_ID).collect())
}
