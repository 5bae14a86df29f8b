//! The lines that come in.

use flextraff_common::replay::{Timed, UpDown};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;

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

/// A line as it is written: its time, and at most one thing beside it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Line<'a> {
    t: f64,
    link: Option<UpDown>,
    #[serde(borrow)]
    message: Option<Message<'a>>,
}

#[derive(Deserialize)]
struct Message<'a> {
    topic: Cow<'a, str>,
    #[serde(borrow)]
    payload: &'a RawValue,
}

impl Timed for Line<'_> {
    fn t(&self) -> f64 {
        self.t
    }
}

/// What a line says, or why that cannot be used.
pub(super) fn content(line: Line) -> Result<Content, String> {
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
