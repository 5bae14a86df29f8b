//! From bytes to messages that can be stored, or the reason why not. Pure.

use chrono::{DateTime, Utc};
use flextraff_common::ids::{DeviceId, JunctionId, LaneId};
use flextraff_common::time::{ClockState, UnixMs};
use flextraff_common::wire::topics::Topic;
use flextraff_common::wire::{
    self, CarCounts, ClockFix, Cycles, Delivery, Events, Gap, MAX_EPC_CHARS, RejectCode, Reply, Signal,
    Status, WireError,
};

/// Most vehicles that one count message may claim.
const MAX_COUNT: i64 = 100_000;
/// Largest sequence number: what JSON carries exactly everywhere.
const MAX_SEQ: u64 = 1 << 53;
/// Largest monotonic time or clock offset, milliseconds: 300 years.
const MAX_MS: i64 = 10_000_000_000_000;
/// Longest cycle, milliseconds.
const MAX_CYCLE_MS: i64 = 24 * 3_600_000;
/// Longest time between a passage and its interval, and longest stay of a vehicle, milliseconds: a year, which every sum has room for.
const MAX_STAY_MS: i64 = 366 * 24 * 3_600_000;
/// Longest part of a cycle, seconds.
const MAX_PART_S: f64 = 86_400.0;
/// Most characters of a name or a reason.
const MAX_TEXT: usize = 1000;
/// Before this, 2020-01-01T00:00:00Z, no FlexTraff counted.
const EARLIEST: UnixMs = UnixMs(1_577_836_800_000);
/// How far ahead of the server's clock a time is believed, milliseconds.
const AHEAD_MS: i64 = 86_400_000;

/// A message that can be stored.
#[derive(Clone, Debug, PartialEq)]
pub enum Message {
    /// Counts of a lane.
    Counts(Box<Counts>),
    /// A finished cycle.
    Cycle(JunctionId, Box<Cycles>),
    /// High-resolution events.
    Events(JunctionId, Box<Events>),
    /// What an outbox lost.
    Gap(JunctionId, Box<Gap>),
    /// The true offset of an uptime.
    ClockFix(JunctionId, Box<ClockFix>),
    /// State of a device; `true`: one that the broker kept.
    Status(JunctionId, Box<Status>, bool),
    /// What the lamps show; `true`: one that the broker kept.
    Signal(JunctionId, Box<Signal>, bool),
    /// Answer to a command.
    Reply(JunctionId, DeviceId, Box<Reply>),
}

/// Counts with their time settled.
#[derive(Clone, Debug, PartialEq)]
pub struct Counts {
    /// The message.
    pub message: CarCounts,
    /// End of the interval; the time of receipt when the message has none.
    pub ts: DateTime<Utc>,
    /// Whether `ts` is the time of receipt.
    pub untimed: bool,
    /// Why the row is doubtful; empty: it is not.
    pub flags: Vec<&'static str>,
}

/// Why a message is not stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// For programs.
    pub code: RejectCode,
    /// For people.
    pub detail: String,
    /// Junction in the topic.
    pub junction: Option<JunctionId>,
    /// The device that is told, if the message says so much.
    pub device: Option<DeviceId>,
    /// Row of the outbox, if the message says so much.
    pub delivery: Option<Delivery>,
}

impl Message {
    /// The junction in its topic.
    pub fn junction(&self) -> JunctionId {
        match self {
            Self::Counts(counts) => counts.message.junction_id,
            Self::Cycle(junction, _)
            | Self::Events(junction, _)
            | Self::Gap(junction, _)
            | Self::ClockFix(junction, _)
            | Self::Status(junction, ..)
            | Self::Signal(junction, ..)
            | Self::Reply(junction, ..) => *junction,
        }
    }

    /// The row of the outbox that it is.
    pub fn delivery(&self) -> Option<&Delivery> {
        match self {
            Self::Counts(counts) => counts.message.delivery.as_ref(),
            Self::Cycle(_, cycle) => Some(&cycle.delivery),
            Self::Events(_, events) => Some(&events.delivery),
            Self::Gap(_, gap) => Some(&gap.delivery),
            Self::ClockFix(_, fix) => Some(&fix.delivery),
            Self::Status(..) | Self::Signal(..) | Self::Reply(..) => None,
        }
    }

    /// The device that it is from, where it says so.
    pub fn device(&self) -> Option<DeviceId> {
        match self {
            Self::Status(_, status, _) => Some(status.device_id),
            Self::Reply(_, device, _) => Some(*device),
            other => other.delivery().map(|delivery| delivery.device_id),
        }
    }

    /// The lanes that it names.
    pub fn lanes(&self) -> Vec<LaneId> {
        match self {
            Self::Counts(counts) => vec![counts.message.lane_id],
            Self::Cycle(_, cycle) => cycle.lanes.iter().map(|lane| lane.lane_id).collect(),
            Self::Gap(_, gap) => gap.lanes.clone(),
            _ => Vec::new(),
        }
    }

    /// When that began of which it tells; `None`: it does not say, or tells of no time.
    pub fn began(&self) -> Option<DateTime<Utc>> {
        match self {
            Self::Counts(counts) => {
                let start = counts.message.interval_start.and_then(to_utc);
                Some(start.map_or(counts.ts, |start| start.min(counts.ts)))
            }
            Self::Cycle(_, cycle) => to_utc(cycle.started_at),
            Self::Gap(_, gap) => gap.from.or(gap.to).and_then(to_utc),
            _ => None,
        }
    }

    /// Why it cannot be stored after all.
    pub fn refuse(&self, code: RejectCode, detail: String) -> Refusal {
        Refusal {
            code,
            detail,
            junction: Some(self.junction()),
            device: self.device(),
            delivery: self.delivery().cloned(),
        }
    }
}

/// Reads a message that came at `received`; `retained`: the broker kept it.
///
/// # Errors
/// The reason why it cannot be stored, and whatever it says about where it comes from.
pub fn decode(
    topic: &str,
    payload: &[u8],
    retained: bool,
    received: DateTime<Utc>,
) -> Result<Message, Box<Refusal>> {
    let parsed = match topic.parse::<Topic>() {
        Ok(parsed) => parsed,
        Err(error) => {
            return Err(Box::new(Refusal {
                code: RejectCode::Malformed,
                detail: error.to_string(),
                junction: None,
                device: None,
                delivery: None,
            }));
        }
    };
    message(&parsed, payload, retained, received).map_err(|(code, detail)| {
        let delivery = if payload.len() <= wire::MAX_PAYLOAD {
            serde_json::from_slice::<Delivery>(payload).ok().filter(|delivery| delivery.seq.0 <= MAX_SEQ)
        } else {
            None
        };
        let device = parsed.device().or(delivery.as_ref().map(|delivery| delivery.device_id));
        Box::new(Refusal { code, detail, junction: Some(parsed.junction()), device, delivery })
    })
}

type Wrong = (RejectCode, String);

fn malformed(detail: impl Into<String>) -> Wrong {
    (RejectCode::Malformed, detail.into())
}

fn message(topic: &Topic, payload: &[u8], retained: bool, received: DateTime<Utc>) -> Result<Message, Wrong> {
    // PostgreSQL stores no NUL in text.
    if payload.len() <= wire::MAX_PAYLOAD && memchr::memmem::find(payload, b"\\u0000").is_some() {
        return Err(malformed("a text contains the character NUL"));
    }
    let message = match *topic {
        Topic::CarCounts(junction, lane) => counts(junction, lane, payload, retained, received)?,
        Topic::Cycles(junction, _) => Message::Cycle(junction, Box::new(cycle(body(payload)?)?)),
        Topic::Events(junction, _) => Message::Events(junction, Box::new(events(body(payload)?)?)),
        Topic::Gap(junction, _) => Message::Gap(junction, Box::new(gap(body(payload)?)?)),
        Topic::ClockFix(junction, _) => Message::ClockFix(junction, Box::new(clock_fix(body(payload)?)?)),
        Topic::Status(junction, _) => Message::Status(junction, Box::new(body(payload)?), retained),
        Topic::Signal(junction) => Message::Signal(junction, Box::new(body(payload)?), retained),
        Topic::Reply(junction, device) => Message::Reply(junction, device, Box::new(body(payload)?)),
        _ => return Err(malformed("the server takes nothing in on this topic")),
    };
    if let Some(delivery) = message.delivery() {
        if delivery.seq.0 == 0 || delivery.seq.0 > MAX_SEQ {
            return Err(malformed(format!(
                "seq {} is out of range; it lies between 1 and 2^53",
                delivery.seq
            )));
        }
        if !(-MAX_MS..=MAX_MS).contains(&delivery.mono_ms.0) {
            return Err(malformed(format!("mono_ms {} is out of range", delivery.mono_ms.0)));
        }
    }
    if let (Some(named), Some(said)) = (topic.device(), message.device())
        && named != said
    {
        return Err(disagree("device_id", named, said));
    }
    Ok(message)
}

fn body<T: serde::de::DeserializeOwned>(payload: &[u8]) -> Result<T, Wrong> {
    wire::decode(payload).map_err(|error| {
        let code = match error {
            WireError::Version { .. } => RejectCode::Version,
            _ => RejectCode::Malformed,
        };
        (code, error.to_string())
    })
}

fn disagree(field: &str, topic: impl std::fmt::Display, payload: impl std::fmt::Display) -> Wrong {
    (RejectCode::IdsDisagree, format!("the topic says {field} {topic}, the payload {payload}"))
}

fn counts(
    junction: JunctionId,
    lane: LaneId,
    payload: &[u8],
    retained: bool,
    received: DateTime<Utc>,
) -> Result<Message, Wrong> {
    let message: CarCounts = body(payload)?;
    if message.junction_id != junction {
        return Err(disagree("junction_id", junction, message.junction_id));
    }
    if message.lane_id != lane {
        return Err(disagree("lane_id", lane, message.lane_id));
    }
    if message.delivery.is_none() && retained && message.timestamp.is_none() {
        return Err(malformed(
            "a retained count without timestamp would count again at every connect; publish it without retain",
        ));
    }
    check_counts(&message)?;
    let untimed = message.timestamp.is_none();
    let ts = match message.timestamp {
        Some(time) => utc(time)?,
        // What the database keeps of a time, so that the row is found again by it.
        None => DateTime::from_timestamp_micros(received.timestamp_micros()).unwrap_or(received),
    };
    let mut flags = Vec::new();
    if usize::try_from(message.vehicle_count) != Ok(message.epc_ids.len()) {
        flags.push("count");
    }
    if message.passages.as_ref().is_some_and(|passages| passages.len() != message.epc_ids.len()) {
        flags.push("passages");
    }
    if let (Some(start), Some(end)) = (message.interval_start, message.timestamp) {
        utc(start)?;
        if start > end {
            flags.push("interval");
        }
    }
    let synced = message.delivery.as_ref().is_none_or(|delivery| delivery.clock == ClockState::Synced);
    let stamped = UnixMs(ts.timestamp_millis());
    if synced && (stamped < EARLIEST || stamped.since(UnixMs(received.timestamp_millis())) > AHEAD_MS) {
        flags.push("time");
    }
    Ok(Message::Counts(Box::new(Counts { message, ts, untimed, flags })))
}

fn check_counts(message: &CarCounts) -> Result<(), Wrong> {
    let fields = [
        ("vehicle_count", message.vehicle_count),
        ("departed", message.departed.map_or(0, i64::from)),
        ("present", message.present.map_or(0, i64::from)),
        ("other_tags", message.other_tags.map_or(0, i64::from)),
    ];
    for (field, value) in fields {
        if !(0..=MAX_COUNT).contains(&value) {
            return Err(malformed(format!(
                "{field} {value} is out of range; it lies between 0 and {MAX_COUNT}"
            )));
        }
    }
    if let Some(seconds) = message.observed_s
        && !(0.0..=1e6).contains(&seconds)
    {
        return Err(malformed(format!("observed_s {seconds} is out of range")));
    }
    let passages = message.passages.iter().flatten().map(|passage| (passage.t_ms, passage.dwell_ms));
    let departures =
        message.departures.iter().flatten().map(|departure| (departure.t_ms, departure.dwell_ms));
    for (t_ms, dwell_ms) in passages.chain(departures) {
        if !(-MAX_STAY_MS..=MAX_STAY_MS).contains(&t_ms) || !(0..=MAX_STAY_MS).contains(&dwell_ms) {
            return Err(malformed(format!(
                "a passage with t_ms {t_ms} and dwell_ms {dwell_ms} is out of range; neither is longer than a year"
            )));
        }
    }
    let epcs = message.epc_ids.iter();
    let departed = message.departures.iter().flatten().map(|departure| &departure.epc);
    let before = message.passages.iter().flatten().filter_map(|passage| passage.prev.as_ref());
    for epc in epcs.chain(departed).chain(before) {
        if epc.chars().count() > MAX_EPC_CHARS {
            return Err(malformed(format!("an EPC has more than {MAX_EPC_CHARS} characters")));
        }
    }
    Ok(())
}

fn cycle(cycle: Cycles) -> Result<Cycles, Wrong> {
    utc(cycle.started_at)?;
    utc(cycle.ended_at)?;
    let length = cycle.ended_at.since(cycle.started_at);
    if !(0..=MAX_CYCLE_MS).contains(&length) {
        return Err(malformed(format!("the cycle lasts {length} ms; it lasts between nothing and a day")));
    }
    for stage in &cycle.stages {
        for (field, seconds) in
            [("green_s", stage.green_s), ("amber_s", stage.amber_s), ("all_red_s", stage.all_red_s)]
        {
            if !(0.0..=MAX_PART_S).contains(&seconds) {
                return Err(malformed(format!(
                    "stage \"{}\": {field} {seconds} is out of range",
                    stage.stage
                )));
            }
        }
    }
    for lane in &cycle.lanes {
        let queues = [lane.queue_start, lane.queue_end].into_iter().flatten();
        if i64::from(lane.vehicle_count) > MAX_COUNT
            || !(0.0..=MAX_PART_S).contains(&lane.green_s)
            || !queues.into_iter().all(|queue| (0.0..=MAX_COUNT as f64).contains(&queue))
        {
            return Err(malformed(format!(
                "lane {}: vehicle_count, green_s, queue_start or queue_end is out of range",
                lane.lane_id
            )));
        }
    }
    if cycle.offset_error_s.is_some_and(|seconds| !(-MAX_PART_S..=MAX_PART_S).contains(&seconds)) {
        return Err(malformed("offset_error_s is out of range"));
    }
    if cycle.plan_id.as_ref().is_some_and(|id| id.len() > MAX_TEXT) {
        return Err(malformed("plan_id is too long"));
    }
    Ok(cycle)
}

fn events(events: Events) -> Result<Events, Wrong> {
    for &(time, ..) in &events.events {
        utc(time)?;
    }
    Ok(events)
}

fn gap(gap: Gap) -> Result<Gap, Wrong> {
    for time in [gap.from, gap.to].into_iter().flatten() {
        utc(time)?;
    }
    if gap.reason.chars().count() > MAX_TEXT || gap.rows.is_some_and(|rows| rows > MAX_SEQ) {
        return Err(malformed("reason is too long or rows is out of range"));
    }
    Ok(gap)
}

fn clock_fix(fix: ClockFix) -> Result<ClockFix, Wrong> {
    if !(-MAX_MS..=MAX_MS).contains(&fix.offset_ms) {
        return Err(malformed(format!("offset_ms {} is out of range", fix.offset_ms)));
    }
    Ok(fix)
}

/// The same moment as the database wants it.
fn utc(time: UnixMs) -> Result<DateTime<Utc>, Wrong> {
    to_utc(time).ok_or_else(|| malformed(format!("the time {time} is out of range")))
}

/// A moment between the years 1 and 9999, or `None`.
pub fn to_utc(time: UnixMs) -> Option<DateTime<Utc>> {
    const YEAR_1: i64 = -62_135_596_800_000;
    const YEAR_10000: i64 = 253_402_300_800_000;
    (YEAR_1..YEAR_10000).contains(&time.0).then(|| DateTime::from_timestamp_millis(time.0)).flatten()
}
