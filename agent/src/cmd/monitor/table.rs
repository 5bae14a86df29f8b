//! The whole agent as rows of text: signal and decision on top, then the lanes, then what was read last.

use super::View;
use super::cells::{Row, Style, age_in_words, aspect, estimate, share};
use crate::console::protocol::{LaneSnapshot, Snapshot, TagRead};
use flextraff_common::time::{ClockState, UnixMs};
use flextraff_common::wire::{
    AlarmStatus, Aspect, Estimate, EstimatedShares, LaneEstimates, ReaderEstimate, ReaderSight, ReaderState,
    Status, ZoneName,
};
use std::fmt::Write as _;

/// Everything there is to show.
pub(super) fn rows(view: &View) -> Vec<Row> {
    let Some(snapshot) = &view.snapshot else {
        return vec![Row::of("Connected; the agent tells how it is within a second.")];
    };
    let mut rows = head(snapshot);
    rows.push(Row::default());
    rows.extend(lanes(snapshot));
    rows.extend(turns(snapshot));
    if !view.reads.is_empty() {
        rows.push(Row::default());
        let mut title = Row::default();
        title.add(Style::Bold, "Reads, the newest first");
        rows.push(title);
        rows.extend(view.reads.iter().map(read));
    }
    rows
}

fn head(snapshot: &Snapshot) -> Vec<Row> {
    let status = &snapshot.status;
    let mut first = Row::default();
    first.add(Style::Bold, &snapshot.junction).add(
        Style::Normal,
        &format!(
            "   {}{}   agent {}, up {}",
            snapshot.t,
            if status.clock == Some(ClockState::Unsynced) { " (clock not synchronised)" } else { "" },
            status.software_version.as_deref().unwrap_or("?"),
            age_in_words(status.uptime_s.and_then(|uptime| u32::try_from(uptime).ok())),
        ),
    );
    let mut rows = vec![first];
    rows.extend(signal(snapshot).map(|text| labelled("Signal", &text)));
    rows.extend(decision(status).map(|text| labelled("Decision", &text)));
    if let Some(fault) = status.controller.as_ref().and_then(|controller| controller.fault.as_ref()) {
        let mut row = Row::default();
        row.add_cell(Style::Bold, "Fault", LABEL).add(Style::Red, fault);
        rows.push(row);
    }
    for alarm in &status.alarms {
        let mut row = Row::default();
        row.add_cell(Style::Bold, "Alarm", LABEL).add(Style::Red, &self::alarm(alarm));
        rows.push(row);
    }
    rows.extend(outbox(snapshot).map(|text| labelled("Outbox", &text)));
    if let Some(trouble) = link_trouble(snapshot) {
        let mut row = Row::default();
        row.add_cell(Style::Bold, "Broker", LABEL).add(Style::Red, trouble);
        if let Some(seconds) = status.link.as_ref().and_then(|link| link.taken_over_s) {
            let ago = age_in_words(u32::try_from(seconds).ok());
            row.add(Style::Normal, &format!(" (taken over {ago} ago)"));
        }
        rows.push(row);
    }
    let readers: Vec<String> = readers(status).map(|(name, text)| format!("{name} {text}")).collect();
    if !readers.is_empty() {
        rows.push(labelled("Readers", &readers.join("   ")));
    }
    rows
}

/// Width of the words before the rows of the head.
const LABEL: usize = 9;

fn labelled(label: &str, text: &str) -> Row {
    let mut row = Row::default();
    row.add_cell(Style::Bold, label, LABEL).add(Style::Normal, text);
    row
}

/// What a person should look into.
pub(super) fn alarm(alarm: &AlarmStatus) -> String {
    let AlarmStatus { kind, since, class, lane, epc } = alarm;
    format!("{} of {} {epc} on {lane} since {}", kind.name(), class.name(), time_of_day(*since))
}

/// What the lamps do, and who decides.
pub(super) fn signal(snapshot: &Snapshot) -> Option<String> {
    let signal = snapshot.signal.as_ref()?;
    let mut text = name_of(&signal.state);
    if let Some(stage) = &signal.stage {
        let _ = write!(text, ", stage {stage}");
    }
    if let Some(next) = &signal.next_stage {
        let _ = write!(text, ", then {next}");
    }
    let since_s = (snapshot.t.0 - signal.since.0).max(0) / 1000;
    let plan = signal.plan_id.as_deref().map_or_else(|| "fallback".to_owned(), |plan| format!("plan {plan}"));
    Some(format!(
        "{text}, for {since_s} s, cycle second {}, {}, {plan}",
        signal.cycle_second,
        name_of(&signal.mode)
    ))
}

/// The last decision as a sentence.
pub(super) fn decision(status: &Status) -> Option<String> {
    let controller = status.controller.as_ref()?;
    let text = controller.decision.as_ref().map_or("greens run as planned", |decision| &decision.reason);
    Some(text.to_owned())
}

/// What waits for the server.
pub(super) fn outbox(snapshot: &Snapshot) -> Option<String> {
    let outbox = snapshot.status.outbox.as_ref()?;
    let broker = match snapshot.broker {
        None => "no broker",
        Some(true) => "broker connected",
        Some(false) => "broker not connected",
    };
    let (rows, made) = (outbox.rows, outbox.counts_made);
    let mut text = format!("{rows} rows wait, oldest {} s; {made} counts made; {broker}", outbox.oldest_s);
    for (what, number) in [("dropped", outbox.dropped), ("parked", outbox.parked)] {
        if number > 0 {
            let _ = write!(text, "; {number} {what}");
        }
    }
    if let Some(failure) = &outbox.failure {
        let _ = write!(text, "; in memory only: {failure}");
    }
    Some(text)
}

/// Why the broker is not connected, or that another client takes the connection again and again.
pub(super) fn link_trouble(snapshot: &Snapshot) -> Option<&str> {
    let link = snapshot.status.link.as_ref()?;
    let is_told = link.taken_over_s.is_some() || snapshot.broker == Some(false);
    link.cause.as_deref().filter(|_| is_told)
}

/// Name of each reader, and how it is.
pub(super) fn readers(status: &Status) -> impl Iterator<Item = (&str, String)> {
    status.readers.iter().map(|reader| {
        let mut text = match reader.state {
            ReaderState::Up => format!("up, {} reads/s", reader.reads_per_s),
            ReaderState::Down => "down".to_owned(),
            ReaderState::Silent => "silent".to_owned(),
        };
        if reader.bad_frames > 0 {
            let _ = write!(text, ", {} bad frames", reader.bad_frames);
        }
        if reader.unmapped > 0 {
            let _ = write!(text, ", {} reads of no lane", reader.unmapped);
        }
        if let Some(detail) = &reader.detail {
            let _ = write!(text, "; {detail}");
        }
        (reader.name.as_str(), text)
    })
}

/// Titles of the columns of numbers, and their widths.
const COLUMNS: [(&str, usize); 11] = [
    ("counted", 7),
    ("present", 11),
    ("inventory", 11),
    ("flow/h", 13),
    ("headway s", 13),
    ("read rate %", 12),
    ("announced %", 12),
    ("start-up s", 12),
    ("drive s", 12),
    ("tagged %", 11),
    ("readers", 20),
];

fn lanes(snapshot: &Snapshot) -> Vec<Row> {
    let names = snapshot.lanes.iter().map(|lane| lane.lane.chars().count());
    let name_width = names.max().unwrap_or(0).clamp(4, 24);
    let lamps: Vec<Vec<(String, Style)>> = snapshot.lanes.iter().map(|lane| lamps(snapshot, lane)).collect();
    let lamp_width =
        |lamps: &Vec<(String, Style)>| lamps.iter().map(|(text, _)| text.chars().count() + 1).sum();
    let lamps_width: usize = lamps.iter().map(lamp_width).max().unwrap_or(0).max(6);
    let mut title = Row::default();
    title.add_cell(Style::Bold, "lane", name_width).add_cell(Style::Bold, "lamps", lamps_width);
    for (name, width) in COLUMNS {
        title.add_cell(Style::Bold, name, width);
    }
    let known = snapshot.status.estimates.as_ref();
    let mut rows = vec![title];
    for (lane, lamps) in snapshot.lanes.iter().zip(&lamps) {
        let mut row = Row::default();
        row.add_cell(Style::Normal, &lane.lane, name_width);
        for (text, style) in lamps {
            row.add_cell(*style, text, 0);
        }
        row.add(Style::Normal, &" ".repeat(lamps_width + 1 - lamp_width(lamps)));
        let known = known.and_then(|known| known.lanes.get(&lane.lane)).cloned().unwrap_or_default();
        for ((_, width), text) in COLUMNS.into_iter().zip(numbers(lane, &known)) {
            row.add_cell(Style::Normal, &text, width);
        }
        rows.push(row);
    }
    rows
}

/// What a lane's groups show; with their names where there are several.
pub(super) fn lamps(snapshot: &Snapshot, lane: &LaneSnapshot) -> Vec<(String, Style)> {
    let shown = |group: &String| snapshot.signal.as_ref()?.groups.get(group).copied();
    let groups = lane.groups.iter().map(|group| {
        let (text, style) = aspect(shown(group).unwrap_or(Aspect::Dark));
        let text = if lane.groups.len() > 1 { format!("{group}={text}") } else { text.to_owned() };
        (text, style)
    });
    if snapshot.signal.is_some() { groups.collect() } else { Vec::new() }
}

fn numbers(lane: &LaneSnapshot, known: &LaneEstimates) -> [String; 11] {
    [
        lane.counted.to_string(),
        estimate(known.present, 0),
        estimate(known.inventory, 0),
        estimate(known.flow_per_h, 0),
        estimate(known.headway_s, 2),
        share(known.read_rate),
        share(known.announced_share),
        estimate(known.startup_loss_s, 2),
        estimate(known.drive_s, 2),
        share(known.tagged_share),
        [("stop", known.stop_reader), ("advance", known.advance_reader)]
            .into_iter()
            .filter_map(|(zone, reader)| reader.map(|reader| sight(zone, reader)))
            .collect::<Vec<_>>()
            .join(", "),
    ]
}

fn sight(zone: &str, reader: ReaderEstimate) -> String {
    let state = match reader.state {
        ReaderSight::Works => "works",
        ReaderSight::Down => "down",
        ReaderSight::Blind => "blind",
        ReaderSight::Silent => "silent",
        ReaderSight::Unknown => "unknown",
    };
    format!("{zone} {state} {}", age_in_words(reader.silent_s))
}

/// Where the vehicles of each lane go and in which stages, and from where vehicles come, as far as it was observed.
fn turns(snapshot: &Snapshot) -> Vec<Row> {
    let Some(known) = &snapshot.status.estimates else { return Vec::new() };
    let mut rows = Vec::new();
    for (lane, known) in &known.lanes {
        let ways = [("stops on", &known.stops_on), ("leads to", &known.leads_to)];
        for (what, shares) in ways {
            let Some(shares) = shares.as_ref().filter(|known| known.age_s.is_some()) else { continue };
            rows.push(Row::of(&format!("{lane} {what} {}", ways_in_words(shares))));
        }
        for (stage, goes) in known.goes_in.iter().filter(|(_, goes)| goes.age_s.is_some()) {
            rows.push(Row::of(&format!("{lane} goes in {stage} {}", percent(*goes))));
        }
    }
    rows.extend(known.ways.iter().map(|way| {
        let travels = way.travel_s.map_or_else(String::new, |travel| format!(" in {:.0} s", travel.value));
        Row::of(&format!("from {} comes on {}{travels}", way.lane, ways_in_words(&way.comes_on)))
    }));
    if !rows.is_empty() {
        rows.insert(0, Row::default());
    }
    rows
}

fn percent(known: Estimate) -> String {
    format!("{:.0} % ({:.0}% {})", known.value * 100.0, known.confidence * 100.0, age_in_words(known.age_s))
}

fn ways_in_words(known: &EstimatedShares) -> String {
    let ways: Vec<String> =
        known.shares.iter().map(|turn| format!("{} {:.0} %", turn.lane, turn.share * 100.0)).collect();
    format!("{} ({:.0}% {})", ways.join(", "), known.confidence * 100.0, age_in_words(known.age_s))
}

fn read(read: &TagRead) -> Row {
    Row::of(&read_in_words(read))
}

/// A read as a line.
pub(super) fn read_in_words(read: &TagRead) -> String {
    let zone = match read.zone {
        ZoneName::StopLine => "stop_line",
        ZoneName::Advance => "advance",
    };
    let mut text = format!("{} read {} {zone} {}", time_of_day(read.t), read.lane, read.epc);
    if let Some(rssi) = read.rssi {
        let _ = write!(text, " rssi {rssi}");
    }
    if let Some(reader) = &read.reader {
        let _ = write!(text, " by {reader}");
    }
    text
}

/// `14:30:05.120`, UTC.
pub(super) fn time_of_day(t: UnixMs) -> String {
    let ms = t.0.rem_euclid(86_400_000);
    format!("{:02}:{:02}:{:02}.{:03}", ms / 3_600_000, ms / 60_000 % 60, ms / 1000 % 60, ms % 1000)
}

/// What a value is called on the wire.
pub(super) fn name_of(value: &impl serde::Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|name| name.as_str().map(str::to_owned)).unwrap_or_default()
}

#[cfg(test)]
mod tests;
