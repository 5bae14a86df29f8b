//! What the TOML says of the site: lanes, links, time-of-day fallback, clock.

use super::errors::Report;
use super::junction::Draft;
use super::table::Table;
use flextraff_common::ids::JunctionId;
use flextraff_common::junction::LaneIx;

/// What the TOML says of a lane beyond its name.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LaneConfig {
    /// Speed limit, km/h.
    pub speed_kmh: f64,
    /// From the stop line to the middle of the advance zone, metres; `None`: no advance reader.
    pub advance_m: Option<f64>,
    /// Length of the stop-line zone, metres.
    pub stop_zone_m: f64,
}

/// Towards or from a neighbour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkDirection {
    /// The neighbour's vehicles arrive here.
    From,
    /// Our vehicles arrive there.
    To,
}

/// A neighbour that can be reached without another signal between.
#[derive(Clone, Debug, PartialEq)]
pub struct LinkConfig {
    /// The neighbour.
    pub junction: JunctionId,
    /// Direction of travel.
    pub direction: LinkDirection,
    /// Own lanes that they arrive on, or leave from.
    pub lanes: Vec<LaneIx>,
    /// The neighbour's lanes.
    pub their_lanes: Vec<String>,
    /// Exit that leads there.
    pub exit: Option<String>,
    /// Stop line to stop line, metres.
    pub distance_m: f64,
    /// Travel time without traffic, seconds.
    pub free_flow_s: f64,
}

/// Greens for a time of day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FallbackTable {
    /// Monday to Sunday.
    pub days: [bool; 7],
    /// First minute of the day, 0 to 1439.
    pub from_min: u16,
    /// Minute at which it ends, 0 to 1440; at or before `from_min`: the next day.
    pub to_min: u16,
    /// Green of each stage in the junction's order, seconds, within its range; 0: skipped.
    pub greens: Vec<u32>,
}

/// Whether the wall clock is trusted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClockTrust {
    /// When the kernel says that it is synchronised.
    #[default]
    Kernel,
    /// Always: the machine has a clock that somebody vouches for.
    Always,
}

const DIRECTIONS: [(&str, LinkDirection); 2] = [("from", LinkDirection::From), ("to", LinkDirection::To)];

/// Speed from which a link's travel time follows when it gives none: 40 km/h, in metres per second.
const LINK_SPEED: f64 = 40.0 / 3.6;

/// Reads every `[[link]]`.
pub(super) fn read_links(root: &mut Table<'_>, draft: &Draft, report: &Report) -> Vec<LinkConfig> {
    let mut links = Vec::new();
    for mut table in root.tables("link") {
        let title = table.title.clone();
        let at = table.place("junction");
        let junction = table.id::<JunctionId>("junction");
        if junction == Some(draft.spec.id) {
            report.add(at, format!("{title} names this junction itself; name the neighbour"));
        }
        let given = table.place("direction") != table.at;
        let direction = table.choice("direction", &DIRECTIONS);
        if !given {
            table.missing("direction", "\"from\" or \"to\"");
        }
        let wanted = table.texts("lanes");
        let lanes = draft.lanes(&title, &wanted, report);
        if wanted.is_empty() && table.place("lanes") == table.at {
            table.missing("lanes", "[\"N\"], the own lanes that they arrive on or leave from");
        }
        let their_lanes = table.texts("their_lanes").into_iter().map(|lane| lane.value).collect();
        let exit = read_exit(&mut table, draft, direction.map(|direction| direction.value));
        let given = table.place("distance_m") != table.at;
        let distance = table.number("distance_m", 0.0..=50_000.0, "metres");
        if !given {
            table.missing("distance_m", "the metres from stop line to stop line");
        }
        let distance_m = distance.map_or(0.0, |distance| distance.value);
        let free_flow_s = table
            .number("free_flow_s", 0.0..=3600.0, "seconds")
            .map_or(distance_m / LINK_SPEED, |seconds| seconds.value);
        if let (Some(junction), Some(direction)) = (junction, direction) {
            let direction = direction.value;
            links.push(LinkConfig { junction, direction, lanes, their_lanes, exit, distance_m, free_flow_s });
        }
        table.finish();
    }
    links
}

/// The exit of a link, which some group must lead to when groups name exits at all.
fn read_exit(table: &mut Table<'_>, draft: &Draft, direction: Option<LinkDirection>) -> Option<String> {
    let exit = table.text("exit")?;
    let exits: Vec<&str> =
        draft.spec.groups.iter().flat_map(|group| &group.exits).map(String::as_str).collect();
    if direction == Some(LinkDirection::To) && !exits.is_empty() && !exits.contains(&exit.value.as_str()) {
        let way_out = super::errors::way_out(&exit.value, exits.into_iter());
        let message =
            format!("{} names the exit \"{}\", to which no group leads; {way_out}", table.title, exit.value);
        table.report.add(exit.at, message);
    }
    Some(exit.value)
}

/// Reads `[clock]`.
pub(super) fn read_clock(root: &mut Table<'_>) -> ClockTrust {
    let mut table = root.table("clock", "[clock]");
    let trust = table
        .choice("trust", &[("kernel", ClockTrust::Kernel), ("always", ClockTrust::Always)])
        .map_or_else(ClockTrust::default, |trust| trust.value);
    table.finish();
    trust
}
