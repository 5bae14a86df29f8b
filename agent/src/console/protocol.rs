//! What goes over the socket: one request from the client, then lines from the agent, each one JSON object with `"v": 1`.
//!
//! As on the wire, unknown fields and kinds of messages are ignored and a higher version is refused, so that an older program of the two
//! never misunderstands a newer one.

use flextraff_common::time::{ClockState, UnixMs};
use flextraff_common::wire::{Signal, Status, WireError, ZoneName, decode, encode};
use serde::{Deserialize, Serialize};

/// What a client asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "snake_case")]
pub enum Request {
    /// A snapshot each second, and each read, until the client leaves.
    Monitor,
    /// What the lamps show, once.
    LampState,
    /// Light each lamp in turn; only in flash, dark or the fault aspect.
    LampTest,
    /// Go to flash through the due clearances, or back into operation through start-up.
    Flash {
        /// Whether to flash.
        on: bool,
    },
    /// Take the latched fault away and start up.
    ClearFault,
}

/// What the agent says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Message {
    /// How everything is.
    Snapshot(Box<Snapshot>),
    /// A tag was read.
    Read(TagRead),
    /// How the lamps are.
    Lamps(Box<LampsState>),
    /// What was asked for is done, or under way.
    Done {
        /// What, as a sentence.
        detail: String,
    },
    /// The request cannot be served; the connection ends.
    Error {
        /// Why and what to do, as a sentence.
        detail: String,
    },
    /// Of a kind that this program does not know.
    #[serde(other)]
    Unknown,
}

/// The agent at a moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// When.
    pub t: UnixMs,
    /// Name of the junction.
    #[serde(default)]
    pub junction: String,
    /// Whether the broker is connected; absent: none is configured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub broker: Option<bool>,
    /// What the device says of itself, estimates and last decision included.
    pub status: Status,
    /// What the lamps show; absent on a counter, and before they show anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signal: Option<Signal>,
    /// Each lane, in lane order.
    #[serde(default)]
    pub lanes: Vec<LaneSnapshot>,
}

/// The lamps at a moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LampsState {
    /// When.
    pub t: UnixMs,
    /// What drives them: `rppal`, `gpiochip` or `virtual`.
    #[serde(default)]
    pub driver: String,
    /// What the signal shows; absent before it shows anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signal: Option<Signal>,
    /// Who drives the lamps beside the controller: `signal`, `to_flash`, `flash` or `test`.
    #[serde(default)]
    pub shows: String,
    /// What the feedback has found in the last lamp test, as sentences; absent: none was made since the agent started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tested: Option<Vec<String>>,
    /// The latched fault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<FaultState>,
}

/// A fault that keeps the lamps in the fault aspect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaultState {
    /// Why.
    pub reason: String,
    /// When.
    pub at: UnixMs,
    /// Whether that time could be trusted.
    pub clock: ClockState,
}

/// A lane at a moment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LaneSnapshot {
    /// Its name.
    pub lane: String,
    /// Its signal groups.
    #[serde(default)]
    pub groups: Vec<String>,
    /// Passages counted since the agent started, in intervals that are over.
    #[serde(default)]
    pub counted: u64,
}

/// A tag that was read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TagRead {
    /// When.
    pub t: UnixMs,
    /// Name of the reader; absent: another device's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reader: Option<String>,
    /// Name of the lane.
    pub lane: String,
    /// Where on it.
    pub zone: ZoneName,
    /// The tag.
    pub epc: String,
    /// Signal strength, dBm or the reader's own unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rssi: Option<f32>,
}

/// A request or a message as it goes over the socket, with the end of line.
pub fn line<T: Serialize>(message: &T) -> String {
    let mut line = encode(message);
    line.push('\n');
    line
}

/// Reads a client's line.
///
/// # Errors
/// A sentence that says what is wrong and what a request looks like.
pub fn read_request(line: &[u8]) -> Result<Request, String> {
    decode(line.trim_ascii()).map_err(|error| match error {
        WireError::Version { .. } => error.to_string(),
        error => format!("this is no request: {error}; a request is {}", line_of(Request::Monitor)),
    })
}

/// Reads a line of the agent.
///
/// # Errors
/// When it is no message of this version.
pub fn read_message(line: &[u8]) -> Result<Message, WireError> {
    decode(line.trim_ascii())
}

fn line_of(request: Request) -> String {
    encode(&request)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_a_line_with_a_version() {
        assert_eq!(line(&Request::Monitor), "{\"v\":1,\"request\":\"monitor\"}\n");
        assert_eq!(read_request(b"{\"request\":\"monitor\",\"more\":1}\r\n"), Ok(Request::Monitor));
        let newer = read_request(br#"{"v":2,"request":"monitor"}"#).expect_err("it is newer");
        assert_eq!(newer, "version 2 is newer than 1, which this program speaks; update it");
        for bad in [&b""[..], b"monitor", b"{}", b"\xff\xfe", b"[1]", br#"{"request":"fly"}"#] {
            let error = read_request(bad).expect_err("it is no request");
            assert!(error.ends_with(r#"a request is {"v":1,"request":"monitor"}"#), "{error}");
        }
    }

    #[test]
    fn messages_read_back_and_unknown_ones_are_passed_over() {
        let read = Message::Read(TagRead {
            t: UnixMs(1_770_595_200_120),
            reader: Some("north".to_owned()),
            lane: "N".to_owned(),
            zone: ZoneName::Advance,
            epc: "34161FA8203E7CB202000020".to_owned(),
            rssi: None,
        });
        let text = line(&read);
        assert_eq!(
            text,
            "{\"v\":1,\"type\":\"read\",\"t\":\"2026-02-09T00:00:00.120Z\",\"reader\":\"north\",\"lane\":\"N\",\
             \"zone\":\"advance\",\"epc\":\"34161FA8203E7CB202000020\"}\n"
        );
        assert_eq!(read_message(text.as_bytes()), Ok(read));
        assert_eq!(read_message(br#"{"v":1,"type":"weather","rain":true}"#), Ok(Message::Unknown));
        assert!(read_message(br#"{"v":2,"type":"error","detail":""}"#).is_err());
        let least = br#"{"type":"snapshot","t":"2026-02-09T00:00:00Z",
            "status":{"device_id":"00000000-0000-4000-8000-0000000000d1","online":true}}"#;
        assert!(matches!(read_message(least), Ok(Message::Snapshot(_))), "what is missing may be missing");
    }
}
