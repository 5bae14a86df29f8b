//! MQTT topics and filters. Nothing else in the product spells one.

use crate::ids::{DeviceId, JunctionId, LaneId};
use std::fmt;
use std::str::FromStr;

const ROOT: &str = "flextraff";

/// A topic of the product.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Topic {
    /// Counts of a lane: agent to server.
    CarCounts(JunctionId, LaneId),
    /// A plan: server to agents.
    GreenTime(JunctionId),
    /// A finished cycle: agent to server.
    Cycles(JunctionId, DeviceId),
    /// High-resolution events: agent to server.
    Events(JunctionId, DeviceId),
    /// What a limit or a set-aside database lost: agent to server.
    Gap(JunctionId, DeviceId),
    /// The true offset of an uptime that began unsynchronised: agent to server.
    ClockFix(JunctionId, DeviceId),
    /// What the lamps show: agent to all, retained.
    Signal(JunctionId),
    /// Who is waiting and who is coming: agents to agents.
    Demand(JunctionId),
    /// State of a device, and its last will: agent to server, retained.
    Status(JunctionId, DeviceId),
    /// Rows that are committed or rejected: server to agent.
    Ack(JunctionId, DeviceId),
    /// A request to a device.
    Command(JunctionId, DeviceId),
    /// Its answer.
    Reply(JunctionId, DeviceId),
    /// Pseudonym and watch-list keys: server to agent.
    Keys(JunctionId, DeviceId),
    /// Watched vehicles: server to agents, retained.
    Watchlist(JunctionId),
}

impl Topic {
    /// The junction that it belongs to.
    pub const fn junction(&self) -> JunctionId {
        match *self {
            Self::GreenTime(junction)
            | Self::Signal(junction)
            | Self::Demand(junction)
            | Self::Watchlist(junction)
            | Self::CarCounts(junction, _)
            | Self::Cycles(junction, _)
            | Self::Events(junction, _)
            | Self::Gap(junction, _)
            | Self::ClockFix(junction, _)
            | Self::Status(junction, _)
            | Self::Ack(junction, _)
            | Self::Command(junction, _)
            | Self::Reply(junction, _)
            | Self::Keys(junction, _) => junction,
        }
    }

    /// The device that it names, where it names one.
    pub const fn device(&self) -> Option<DeviceId> {
        match *self {
            Self::Cycles(_, device)
            | Self::Events(_, device)
            | Self::Gap(_, device)
            | Self::ClockFix(_, device)
            | Self::Status(_, device)
            | Self::Ack(_, device)
            | Self::Command(_, device)
            | Self::Reply(_, device)
            | Self::Keys(_, device) => Some(device),
            Self::CarCounts(..)
            | Self::GreenTime(_)
            | Self::Signal(_)
            | Self::Demand(_)
            | Self::Watchlist(_) => None,
        }
    }

    /// Whether messages on it come out of an outbox and carry the delivery fields.
    pub const fn is_outbox(&self) -> bool {
        matches!(
            self,
            Self::CarCounts(..) | Self::Cycles(..) | Self::Events(..) | Self::Gap(..) | Self::ClockFix(..)
        )
    }

    /// MQTT quality of service: 1, but 0 for what is worthless when late.
    pub const fn qos(&self) -> u8 {
        match self {
            Self::Signal(_) | Self::Demand(_) => 0,
            _ => 1,
        }
    }

    /// Whether the broker keeps the last message for those who subscribe later.
    pub const fn retained(&self) -> bool {
        matches!(self, Self::Signal(_) | Self::Status(..) | Self::Watchlist(_))
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CarCounts(junction, lane) => write!(f, "{ROOT}/{junction}/{lane}/car-counts"),
            Self::GreenTime(junction) => write!(f, "{ROOT}/{junction}/green-time"),
            Self::Cycles(junction, device) => write!(f, "{ROOT}/{junction}/cycles/{device}"),
            Self::Events(junction, device) => write!(f, "{ROOT}/{junction}/events/{device}"),
            Self::Gap(junction, device) => write!(f, "{ROOT}/{junction}/gap/{device}"),
            Self::ClockFix(junction, device) => write!(f, "{ROOT}/{junction}/clock-fix/{device}"),
            Self::Signal(junction) => write!(f, "{ROOT}/{junction}/signal"),
            Self::Demand(junction) => write!(f, "{ROOT}/{junction}/demand"),
            Self::Status(junction, device) => write!(f, "{ROOT}/{junction}/status/{device}"),
            Self::Ack(junction, device) => write!(f, "{ROOT}/{junction}/ack/{device}"),
            Self::Command(junction, device) => write!(f, "{ROOT}/{junction}/command/{device}"),
            Self::Reply(junction, device) => write!(f, "{ROOT}/{junction}/reply/{device}"),
            Self::Keys(junction, device) => write!(f, "{ROOT}/{junction}/keys/{device}"),
            Self::Watchlist(junction) => write!(f, "{ROOT}/{junction}/watchlist"),
        }
    }
}

/// A topic that is none of the product's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{topic}\" is no topic of FlexTraff; expected {ROOT}/<junction id>/…")]
pub struct UnknownTopic {
    topic: String,
}

impl FromStr for Topic {
    type Err = UnknownTopic;

    fn from_str(topic: &str) -> Result<Self, Self::Err> {
        parse(topic).ok_or_else(|| UnknownTopic { topic: topic.chars().take(200).collect() })
    }
}

fn parse(topic: &str) -> Option<Topic> {
    let parts: Vec<&str> = topic.splitn(5, '/').collect();
    let (&ROOT, junction) = (parts.first()?, parts.get(1)?.parse().ok()?) else { return None };
    match parts[2..] {
        ["green-time"] => Some(Topic::GreenTime(junction)),
        ["signal"] => Some(Topic::Signal(junction)),
        ["demand"] => Some(Topic::Demand(junction)),
        ["watchlist"] => Some(Topic::Watchlist(junction)),
        [lane, "car-counts"] => Some(Topic::CarCounts(junction, lane.parse().ok()?)),
        [kind, device] => {
            let device = device.parse().ok()?;
            match kind {
                "cycles" => Some(Topic::Cycles(junction, device)),
                "events" => Some(Topic::Events(junction, device)),
                "gap" => Some(Topic::Gap(junction, device)),
                "clock-fix" => Some(Topic::ClockFix(junction, device)),
                "status" => Some(Topic::Status(junction, device)),
                "ack" => Some(Topic::Ack(junction, device)),
                "command" => Some(Topic::Command(junction, device)),
                "reply" => Some(Topic::Reply(junction, device)),
                "keys" => Some(Topic::Keys(junction, device)),
                _ => None,
            }
        }
        _ => None,
    }
}

/// Where Mosquitto's plugin for dynamic security takes commands.
pub const BROKER_CONTROL: &str = "$CONTROL/dynamic-security/v1";
/// Where it answers.
pub const BROKER_CONTROL_ANSWERS: &str = "$CONTROL/dynamic-security/v1/response";

/// The filter of everything: what the server may read and write.
pub fn every_topic() -> String {
    format!("{ROOT}/#")
}

/// What an agent subscribes to: its junction's down topics, and demand and signal of its own and of linked junctions.
pub fn agent_filters(junction: JunctionId, device: DeviceId, linked: &[JunctionId]) -> Vec<String> {
    let mut filters: Vec<String> = [
        Topic::GreenTime(junction),
        Topic::Ack(junction, device),
        Topic::Command(junction, device),
        Topic::Keys(junction, device),
        Topic::Watchlist(junction),
        Topic::Demand(junction),
        Topic::Signal(junction),
    ]
    .iter()
    .map(ToString::to_string)
    .collect();
    for &neighbour in linked.iter().filter(|&&neighbour| neighbour != junction) {
        filters.push(Topic::Demand(neighbour).to_string());
        filters.push(Topic::Signal(neighbour).to_string());
    }
    filters
}

/// Topics on which a device may publish: everything of its junction that goes up, its own id where the topic names one.
/// `+` stands for any lane id.
pub fn agent_publishes(junction: JunctionId, device: DeviceId) -> Vec<String> {
    let mut topics = vec![format!("{ROOT}/{junction}/+/car-counts")];
    topics.extend(
        [
            Topic::Cycles(junction, device),
            Topic::Events(junction, device),
            Topic::Gap(junction, device),
            Topic::ClockFix(junction, device),
            Topic::Signal(junction),
            Topic::Demand(junction),
            Topic::Status(junction, device),
            Topic::Reply(junction, device),
        ]
        .iter()
        .map(ToString::to_string),
    );
    topics
}

/// What the server subscribes to: everything that comes up. `demand` stays among the agents.
pub fn server_filters() -> Vec<String> {
    ["+/car-counts", "cycles/+", "events/+", "gap/+", "clock-fix/+", "signal", "status/+", "reply/+"]
        .iter()
        .map(|tail| format!("{ROOT}/+/{tail}"))
        .collect()
}

/// Whether an MQTT filter matches a topic (`+` one level, `#` the rest).
pub fn matches(filter: &str, topic: &str) -> bool {
    let mut levels = topic.split('/');
    for part in filter.split('/') {
        match (part, levels.next()) {
            ("#", _) => return true,
            ("+", Some(_)) => {}
            (part, Some(level)) if part == level => {}
            _ => return false,
        }
    }
    levels.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn ids() -> (JunctionId, LaneId, DeviceId) {
        (JunctionId(Uuid::from_u128(1)), LaneId(Uuid::from_u128(2)), DeviceId(Uuid::from_u128(3)))
    }

    fn one_of_each() -> Vec<Topic> {
        let (j, l, d) = ids();
        vec![
            Topic::CarCounts(j, l),
            Topic::GreenTime(j),
            Topic::Cycles(j, d),
            Topic::Events(j, d),
            Topic::Gap(j, d),
            Topic::ClockFix(j, d),
            Topic::Signal(j),
            Topic::Demand(j),
            Topic::Status(j, d),
            Topic::Ack(j, d),
            Topic::Command(j, d),
            Topic::Reply(j, d),
            Topic::Keys(j, d),
            Topic::Watchlist(j),
        ]
    }

    #[test]
    fn every_topic_reads_back() {
        for topic in one_of_each() {
            assert_eq!(topic.to_string().parse::<Topic>().unwrap(), topic);
        }
    }

    #[test]
    fn foreign_topics_are_refused() {
        for topic in [
            "",
            "flextraff",
            "flextraff/test",
            "flextraff/00000000-0000-0000-0000-000000000001/x/car-counts",
            "flextraff/00000000-0000-0000-0000-000000000001/signal/more",
            "other/00000000-0000-0000-0000-000000000001/signal",
        ] {
            assert!(topic.parse::<Topic>().is_err(), "{topic}");
        }
    }

    #[test]
    fn an_agent_hears_what_comes_down_and_its_neighbours_and_the_server_what_goes_up() {
        let (j, _, d) = ids();
        let neighbour = JunctionId(Uuid::from_u128(9));
        let agent = agent_filters(j, d, &[neighbour]);
        let hears = |topic: Topic| agent.iter().any(|filter| matches(filter, &topic.to_string()));
        assert!(hears(Topic::GreenTime(j)) && hears(Topic::Ack(j, d)) && hears(Topic::Signal(neighbour)));
        assert!(!hears(Topic::GreenTime(neighbour)) && !hears(Topic::Ack(j, DeviceId(Uuid::from_u128(4)))));
        let server = server_filters();
        for topic in one_of_each() {
            let up =
                topic.is_outbox() || matches!(topic, Topic::Signal(_) | Topic::Status(..) | Topic::Reply(..));
            assert_eq!(server.iter().any(|filter| matches(filter, &topic.to_string())), up, "{topic}");
        }
    }
}
