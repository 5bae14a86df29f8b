//! What happens as plain lines: each read, and whatever of the rest has changed.

use super::table;
use crate::console::protocol::{Message, Snapshot};
use std::collections::BTreeMap;

/// Tells what is new.
#[derive(Debug, Default)]
pub(super) struct Lines {
    told: BTreeMap<String, String>,
}

impl Lines {
    /// The lines for a message.
    pub(super) fn handle(&mut self, message: &Message) -> Vec<String> {
        match message {
            Message::Read(read) => vec![printable(&table::read_in_words(read))],
            Message::Snapshot(snapshot) => self.changes(snapshot),
            Message::Lamps(_) | Message::Done { .. } | Message::Error { .. } | Message::Unknown => Vec::new(),
        }
    }

    fn changes(&mut self, snapshot: &Snapshot) -> Vec<String> {
        let time = table::time_of_day(snapshot.t);
        let mut lines = Vec::new();
        for (what, text) in parts(snapshot) {
            if self.told.get(&what) != Some(&text) {
                lines.push(printable(&format!("{time} {what} {text}")));
                self.told.insert(what, text);
            }
        }
        lines
    }
}

/// Everything by what it is about, without what goes on by itself each second.
fn parts(snapshot: &Snapshot) -> Vec<(String, String)> {
    let status = &snapshot.status;
    let mut parts = Vec::new();
    let mut add = |what: &str, text: String| parts.push((what.to_owned(), text));
    if let Some(signal) = &snapshot.signal {
        let stage = signal.stage.as_deref().unwrap_or("-");
        let next = signal.next_stage.as_ref().map_or_else(String::new, |next| format!(" then {next}"));
        add("signal", format!("{} {stage}{next}", table::name_of(&signal.state)));
    }
    if let Some(sentence) = table::decision(status) {
        add("decision", sentence);
    }
    if let Some(fault) = status.controller.as_ref().and_then(|controller| controller.fault.as_ref()) {
        add("fault", fault.clone());
    }
    if !status.alarms.is_empty() {
        let alarms: Vec<String> = status.alarms.iter().map(table::alarm).collect();
        add("alarm", alarms.join("; "));
    }
    if let Some(trouble) = table::link_trouble(snapshot) {
        add("broker", trouble.to_owned());
    }
    for reader in &status.readers {
        add(&format!("reader {}", reader.name), table::name_of(&reader.state));
    }
    for lane in &snapshot.lanes {
        let known = status.estimates.as_ref().and_then(|known| known.lanes.get(&lane.lane));
        let number = |estimate: Option<flextraff_common::wire::Estimate>| {
            estimate.map_or_else(|| "-".to_owned(), |estimate| format!("{:.0}", estimate.value))
        };
        let lamps: Vec<String> = table::lamps(snapshot, lane).into_iter().map(|(text, _)| text).collect();
        add(
            &format!("lane {}", lane.lane),
            format!(
                "{} counted {} present {} inventory {}",
                lamps.join(" "),
                lane.counted,
                number(known.and_then(|known| known.present)),
                number(known.and_then(|known| known.inventory)),
            )
            .trim_start()
            .to_owned(),
        );
    }
    parts
}

/// One line, whatever stands in names and reasons.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}
