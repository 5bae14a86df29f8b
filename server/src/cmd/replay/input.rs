//! The lines that come in.

use flextraff_common::time::MonoMs;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// Times beyond this, seconds, are a mistake: 3 years, far more than anybody replays.
const MOST_S: f64 = 1e8;

/// What a line says beside the time.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Content {
    /// Nothing: the time passes.
    Time,
    /// The link to the broker came up or went down.
    Link { up: bool },
    /// An MQTT message.
    Message { topic: String, payload: Vec<u8> },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line<'a> {
    t: f64,
    link: Option<UpDown>,
    #[serde(borrow)]
    message: Option<Message<'a>>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum UpDown {
    Up,
    Down,
}

#[derive(Deserialize)]
struct Message<'a> {
    topic: Cow<'a, str>,
    #[serde(borrow)]
    payload: &'a RawValue,
}

/// A line as far as it can be used: its time, if it has one, and what it says or why that cannot be used.
pub(super) fn read(line: &[u8]) -> (Option<MonoMs>, Result<Content, String>) {
    match serde_json::from_slice::<Line>(line) {
        Ok(line) => match time(line.t) {
            Ok(at) => (Some(at), content(line)),
            Err(error) => (None, Err(error)),
        },
        Err(error) => {
            let at = serde_json::from_slice::<Value>(line).ok().and_then(|value| value.get("t")?.as_f64());
            (at.and_then(|at| time(at).ok()), Err(error.to_string()))
        }
    }
}

fn time(t: f64) -> Result<MonoMs, String> {
    if !(-MOST_S..=MOST_S).contains(&t) {
        return Err(format!("t is {t}; it is a number of seconds between -{MOST_S} and {MOST_S}"));
    }
    Ok(MonoMs((t * 1000.0).round() as i64))
}

fn content(line: Line) -> Result<Content, String> {
    match line {
        Line { link: None, message: None, .. } => Ok(Content::Time),
        Line { link: Some(link), message: None, .. } => Ok(Content::Link { up: link == UpDown::Up }),
        Line { link: None, message: Some(message), .. } => {
            let json = message.payload.get();
            // Bytes that are no JSON reach a real server, too: they stand as a string.
            let payload = match serde_json::from_str::<String>(json) {
                Ok(text) => text.into_bytes(),
                Err(_) => json.as_bytes().to_vec(),
            };
            Ok(Content::Message { topic: message.topic.into_owned(), payload })
        }
        _ => Err("a line says one thing beside t: link or message".to_owned()),
    }
}
