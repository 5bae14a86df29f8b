//! The lines that come in.

use flextraff_common::epc::Epc;
use flextraff_common::junction::{GroupIx, Junction, LaneIx};
use flextraff_common::replay::{Timed, UpDown};
use flextraff_common::wire::ZoneName;
use serde::Deserialize;
use serde_json::Value;

/// What a line says beside the time.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Content {
    /// Nothing: the time passes.
    Time,
    /// Bytes from a reader's serial port.
    Bytes { reader: usize, bytes: Vec<u8> },
    /// A read, already decoded.
    Tag { lane: LaneIx, zone: ZoneName, epc: Epc, rssi: Option<f32> },
    /// A reader came up or went down.
    Reader { reader: usize, up: bool },
    /// Somebody presses the push button of a pedestrian head.
    Button { group: GroupIx },
    /// The link came up or went down.
    Link { up: bool },
    /// An MQTT message.
    Message { topic: String, payload: Vec<u8> },
}

/// A line as it is written: its time, and at most one thing beside it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Line {
    t: f64,
    bytes: Option<Bytes>,
    tag: Option<Tag>,
    reader: Option<Reader>,
    button: Option<Button>,
    link: Option<UpDown>,
    message: Option<Message>,
}

#[derive(Deserialize)]
struct Bytes {
    reader: String,
    hex: String,
}

#[derive(Deserialize)]
struct Tag {
    lane: String,
    #[serde(default)]
    zone: ZoneName,
    epc: String,
    #[serde(default)]
    rssi: Option<f32>,
}

#[derive(Deserialize)]
struct Reader {
    name: String,
    state: UpDown,
}

#[derive(Deserialize)]
struct Button {
    group: String,
}

#[derive(Deserialize)]
struct Message {
    topic: String,
    payload: Value,
}

impl Timed for Line {
    fn t(&self) -> f64 {
        self.t
    }
}

/// What a line says, or why that cannot be used.
pub(super) fn content(line: Line, junction: &Junction, readers: &[String]) -> Result<Content, String> {
    let reader = |name: &str| {
        readers.iter().position(|reader| reader == name).ok_or_else(|| format!("no reader \"{name}\""))
    };
    match line {
        Line {
            bytes: Some(bytes), tag: None, reader: None, button: None, link: None, message: None, ..
        } => Ok(Content::Bytes { reader: reader(&bytes.reader)?, bytes: hex(&bytes.hex)? }),
        Line {
            bytes: None, tag: Some(tag), reader: None, button: None, link: None, message: None, ..
        } => {
            let lane = junction.lane_named(&tag.lane).ok_or_else(|| format!("no lane \"{}\"", tag.lane))?;
            let epc = tag.epc.parse::<Epc>().map_err(|error| error.to_string())?;
            Ok(Content::Tag { lane, zone: tag.zone, epc, rssi: tag.rssi })
        }
        Line {
            bytes: None, tag: None, reader: Some(named), button: None, link: None, message: None, ..
        } => Ok(Content::Reader { reader: reader(&named.name)?, up: named.state == UpDown::Up }),
        Line {
            bytes: None,
            tag: None,
            reader: None,
            button: Some(pressed),
            link: None,
            message: None,
            ..
        } => {
            let group = junction.group_named(&pressed.group);
            let group = group.filter(|group| junction.group(*group).button);
            let group = group.ok_or_else(|| format!("no group \"{}\" with a button", pressed.group))?;
            Ok(Content::Button { group })
        }
        Line {
            bytes: None, tag: None, reader: None, button: None, link: Some(link), message: None, ..
        } => Ok(Content::Link { up: link == UpDown::Up }),
        Line {
            bytes: None,
            tag: None,
            reader: None,
            button: None,
            link: None,
            message: Some(message),
            ..
        } => {
            let payload = match message.payload {
                // Bytes that are no JSON reach a real agent, too.
                Value::String(text) => text.into_bytes(),
                payload => payload.to_string().into_bytes(),
            };
            Ok(Content::Message { topic: message.topic, payload })
        }
        Line { bytes: None, tag: None, reader: None, button: None, link: None, message: None, .. } => {
            Ok(Content::Time)
        }
        _ => Err("a line says one thing beside t: bytes, tag, reader, button, link or message".to_owned()),
    }
}

fn hex(text: &str) -> Result<Vec<u8>, String> {
    let digits: Option<Vec<u8>> = text
        .chars()
        .filter(|char| *char != ' ')
        .map(|char| char.to_digit(16).map(|digit| digit as u8))
        .collect();
    match digits {
        Some(digits) if digits.len().is_multiple_of(2) => {
            Ok(digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect())
        }
        _ => Err("hex is an even number of hex digits".to_owned()),
    }
}
