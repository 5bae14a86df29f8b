//! `[junction]`, `[[lane]]`, `[[group]]`, `[[stage]]`, `[[compatible]]`, `[[intergreen]]` and `[signal]`: the site and its rules.

use super::errors::{At, Report, nearest, way_out};
use super::output::{PinEntry, Pinned, read_pin, read_pins};
use super::places::{Places, names, pair};
use super::site::LaneConfig;
use super::table::Table;
use chrono_tz::Tz;
use flextraff_common::ids::{JunctionId, LaneId};
use flextraff_common::junction::{
    CompatibleSpec, Direction, FaultAspect, GroupKind, GroupSpec, IntergreenSpec, Junction, JunctionSpec,
    LaneIx, LaneSpec, MAX_LANES, SignalSpec, StageOrder, StageSpec,
};
use uuid::Uuid;

/// Shortest green of a stage that gives none, seconds: the Signal Timing Manual (2nd edition) has 7 to 15 s for a major road.
const MIN_GREEN_S: f64 = 7.0;
/// Longest green of a stage that gives none, seconds.
const MAX_GREEN_S: f64 = 60.0;
/// Speed limit of a lane that gives none, km/h.
const SPEED_KMH: f64 = 50.0;
/// Stop-line zone of a lane that gives none, metres.
const STOP_ZONE_M: f64 = 10.0;

const DIRECTIONS: [(&str, Direction); 8] = [
    ("N", Direction::N),
    ("NE", Direction::NE),
    ("E", Direction::E),
    ("SE", Direction::SE),
    ("S", Direction::S),
    ("SW", Direction::SW),
    ("W", Direction::W),
    ("NW", Direction::NW),
];

/// The site as the file names it, before the rules of [`Junction::build`].
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) spec: JunctionSpec,
    pub(super) time_zone: Tz,
    pub(super) lanes: Vec<LaneConfig>,
    pub(super) pins: Vec<PinEntry>,
    /// Pin of each group's push button.
    pub(super) buttons: Vec<Option<At<u8>>>,
    places: Places,
    startup_all_red: Option<usize>,
}

impl Draft {
    /// Reads everything that describes the site.
    pub(super) fn read(root: &mut Table<'_>, pinned: &Pinned) -> Self {
        let mut places = Places::default();
        let mut pins = Vec::new();
        let mut head = root.table("junction", "[junction]");
        let id = head.id::<JunctionId>("id").unwrap_or(JunctionId(Uuid::nil()));
        let name = head.text("name").map_or_else(|| id.to_string(), |name| name.value);
        let time_zone = read_time_zone(&mut head);
        head.finish();
        let (lanes, lane_configs) = read_lanes(root, &mut places, &mut pins, pinned);
        let (groups, buttons) = read_groups(root, &mut places, &mut pins, pinned);
        if groups.is_empty() {
            for (lane, at) in &lanes {
                places.add(format!("group \"{}\"", lane.name), *at);
            }
        }
        let stages = read_stages(root, &mut places);
        let compatible = read_compatible(root, &mut places);
        let intergreens = read_intergreens(root, &mut places);
        let mut table = root.table("signal", "[signal]");
        let startup_all_red = Some(table.place("startup_all_red_s")).filter(|at| *at != table.at);
        let signal = read_signal(&mut table, pinned.drives_lamps(), &mut places);
        table.finish();
        let lanes = lanes.into_iter().map(|(lane, _)| lane).collect();
        let spec = JunctionSpec { id, name, lanes, groups, stages, compatible, intergreens, signal };
        Self { spec, time_zone, lanes: lane_configs, pins, buttons, places, startup_all_red }
    }

    /// Applies the rules of the junction; every broken one is reported where it is best mended.
    pub(super) fn build(&mut self, report: &Report) -> Option<Junction> {
        let mut junction = match Junction::build(&self.spec) {
            Ok(junction) => junction,
            Err(problems) => {
                for problem in problems {
                    report.add(self.places.of(&problem), problem.to_string());
                }
                return None;
            }
        };
        let clearance = junction.longest_clearance_s();
        match self.startup_all_red {
            None => junction.signal.startup_all_red_s = junction.signal.startup_all_red_s.max(clearance),
            Some(at) if junction.signal.startup_all_red_s < clearance => {
                report.add(
                    at,
                    format!(
                        "startup_all_red_s is {} s, but the longest clearance takes {clearance} s; make it at least as long",
                        junction.signal.startup_all_red_s
                    ),
                );
                return None;
            }
            Some(_) => {}
        }
        Some(junction)
    }

    /// Where the group of that name, or the lane that stands for it, begins.
    pub(super) fn place_of_group(&self, name: &str) -> usize {
        self.places.first(&format!("group \"{name}\""))
    }

    /// The lane of that name; an unknown one is reported.
    pub(super) fn lane(&self, user: &str, name: &str, at: usize, report: &Report) -> Option<LaneIx> {
        let found = self.spec.lanes.iter().take(MAX_LANES).position(|lane| lane.name == name);
        if found.is_none() {
            let way_out = way_out(name, self.spec.lanes.iter().map(|lane| lane.name.as_str()));
            report.add(at, format!("{user} names the lane \"{name}\", which does not exist; {way_out}"));
        }
        found.map(LaneIx::new)
    }

    /// The lanes of these names, each once.
    pub(super) fn lanes(&self, user: &str, wanted: &[At<String>], report: &Report) -> Vec<LaneIx> {
        let mut lanes = Vec::new();
        for name in wanted {
            match self.lane(user, &name.value, name.at, report) {
                Some(lane) if lanes.contains(&lane) => {
                    report.add(name.at, format!("{user} names the lane \"{}\" twice", name.value));
                }
                Some(lane) => lanes.push(lane),
                None => {}
            }
        }
        lanes
    }
}

fn read_time_zone(head: &mut Table<'_>) -> Tz {
    let Some(name) = head.text("time_zone") else { return Tz::Asia__Kolkata };
    name.value.parse().unwrap_or_else(|_| {
        let near = nearest(&name.value, chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name()));
        let way_out = near.map_or_else(
            || "write a name of the IANA database, such as \"Asia/Kolkata\"".to_owned(),
            |near| format!("did you mean \"{near}\"?"),
        );
        head.report.add(name.at, format!("there is no time zone \"{}\"; {way_out}", name.value));
        Tz::Asia__Kolkata
    })
}

/// The name of an entry, which has no default; a missing one is reported.
fn read_name(table: &mut Table<'_>, what: &str, position: usize, places: &mut Places) -> String {
    places.add(format!("[[{what}]]"), table.at);
    let given = table.place("name") != table.at;
    let name = table.text("name");
    if name.is_none() && !given {
        table.missing("name", "\"N\"");
    }
    let name = name.map_or_else(|| format!("{what} {}", position + 1), |name| name.value);
    places.add(format!("{what} \"{name}\""), table.at);
    name
}

/// Names of other entries.
fn read_names(table: &mut Table<'_>, key: &'static str, user: &str, places: &mut Places) -> Vec<String> {
    let texts = table.texts(key);
    texts
        .into_iter()
        .map(|text| {
            places.add(names(user, &text.value), text.at);
            text.value
        })
        .collect()
}

type Lanes = (Vec<(LaneSpec, usize)>, Vec<LaneConfig>);

fn read_lanes(root: &mut Table<'_>, places: &mut Places, pins: &mut Vec<PinEntry>, pinned: &Pinned) -> Lanes {
    let mut specs = Vec::new();
    let mut configs = Vec::new();
    for (position, mut table) in root.tables("lane").into_iter().enumerate() {
        let name = read_name(&mut table, "lane", position, places);
        let id = table.id::<LaneId>("id").unwrap_or_else(|| LaneId(Uuid::from_u128(position as u128)));
        let direction = table.choice("direction", &DIRECTIONS).map(|direction| direction.value);
        configs.push(LaneConfig {
            speed_kmh: table.number("speed_kmh", 5.0..=200.0, "km/h").map_or(SPEED_KMH, |speed| speed.value),
            advance_m: table.number("advance_m", 1.0..=2000.0, "metres").map(|advance| advance.value),
            stop_zone_m: table
                .number("stop_zone_m", 0.0..=200.0, "metres")
                .map_or(STOP_ZONE_M, |zone| zone.value),
        });
        pins.extend(read_pins(&mut table, &name, true, pinned));
        specs.push((LaneSpec { id, name, direction }, table.at));
        table.finish();
    }
    (specs, configs)
}

type Groups = (Vec<GroupSpec>, Vec<Option<At<u8>>>);

fn read_groups(
    root: &mut Table<'_>,
    places: &mut Places,
    pins: &mut Vec<PinEntry>,
    pinned: &Pinned,
) -> Groups {
    const KINDS: [(&str, GroupKind); 3] =
        [("vehicle", GroupKind::Vehicle), ("arrow", GroupKind::Arrow), ("pedestrian", GroupKind::Pedestrian)];
    let (mut groups, mut buttons) = (Vec::new(), Vec::new());
    for (position, mut table) in root.tables("group").into_iter().enumerate() {
        let name = read_name(&mut table, "group", position, places);
        let user = format!("group \"{name}\"");
        let kind = table.choice("kind", &KINDS).map_or(GroupKind::Vehicle, |kind| kind.value);
        let lanes = read_names(&mut table, "lanes", &user, places);
        let exits = table.texts("exits").into_iter().map(|exit| exit.value).collect();
        pins.extend(read_pins(&mut table, &name, false, pinned));
        for key in ["walk_s", "clearance_s"] {
            places.add(format!("{key} of {user}"), table.place(key));
        }
        let mut seconds = |key| table.any_number(key, "seconds").map(|seconds| seconds.value);
        let (walk_s, clearance_s) = (seconds("walk_s"), seconds("clearance_s"));
        let button = read_pin(&mut table, "button", pinned.driver());
        buttons.push(button);
        groups.push(GroupSpec { name, kind, lanes, exits, walk_s, clearance_s, button: button.is_some() });
        table.finish();
    }
    (groups, buttons)
}

fn read_stages(root: &mut Table<'_>, places: &mut Places) -> Vec<StageSpec> {
    let mut stages = Vec::new();
    for (position, mut table) in root.tables("stage").into_iter().enumerate() {
        let name = read_name(&mut table, "stage", position, places);
        let user = format!("stage \"{name}\"");
        let groups = read_names(&mut table, "groups", &user, places);
        let lanes = read_names(&mut table, "lanes", &user, places);
        if !groups.is_empty() && !lanes.is_empty() {
            let at = table.place("lanes");
            table.report.add(at, format!("{user} has groups and lanes; keep one of them"));
        }
        for key in ["min_green_s", "max_green_s"] {
            places.add(format!("{key} of {user}"), table.place(key));
        }
        let mut green = |key, usual| table.any_number(key, "seconds").map_or(usual, |green| green.value);
        let min_green_s = green("min_green_s", MIN_GREEN_S);
        let max_green_s = green("max_green_s", MAX_GREEN_S.max(min_green_s));
        let skip = table.flag("skip").unwrap_or(false);
        stages.push(StageSpec { name, groups, lanes, min_green_s, max_green_s, skip });
        table.finish();
    }
    stages
}

/// A name that a pair needs.
fn read_side(table: &mut Table<'_>, key: &'static str, user: &str, places: &mut Places) -> Option<String> {
    let at = table.place(key);
    let text = table.text(key);
    if text.is_none() && at == table.at {
        table.missing(key, "\"N\"");
    }
    text.map(|text| {
        places.add(names(user, &text.value), text.at);
        text.value
    })
}

fn read_compatible(root: &mut Table<'_>, places: &mut Places) -> Vec<CompatibleSpec> {
    let mut pairs = Vec::new();
    for mut table in root.tables("compatible") {
        let a = read_side(&mut table, "a", "[[compatible]]", places);
        let b = read_side(&mut table, "b", "[[compatible]]", places);
        let yields = table.flag("yield").unwrap_or(false);
        if let (Some(a), Some(b)) = (a, b) {
            places.add(pair("compatible", &a, &b), table.at);
            if a != b {
                places.add(pair("compatible", &b, &a), table.at);
            }
            pairs.push(CompatibleSpec { a, b, yields });
        }
        table.finish();
    }
    pairs
}

fn read_intergreens(root: &mut Table<'_>, places: &mut Places) -> Vec<IntergreenSpec> {
    let mut rows = Vec::new();
    for mut table in root.tables("intergreen") {
        let from = read_side(&mut table, "from", "[[intergreen]]", places);
        let to = read_side(&mut table, "to", "[[intergreen]]", places);
        let given = table.place("seconds") != table.at;
        let seconds = table.any_number("seconds", "seconds");
        if seconds.is_none() && !given {
            table.missing("seconds", "6.0");
        }
        if let (Some(from), Some(to), Some(seconds)) = (from, to, seconds) {
            places.add(pair("intergreen", &from, &to), table.at);
            rows.push(IntergreenSpec { from, to, seconds: seconds.value });
        }
        table.finish();
    }
    rows
}

fn read_signal(table: &mut Table<'_>, drives_lamps: bool, places: &mut Places) -> SignalSpec {
    const ORDERS: [(&str, StageOrder); 2] = [("fixed", StageOrder::Fixed), ("free", StageOrder::Free)];
    const ASPECTS: [(&str, FaultAspect); 3] = [
        ("flash_amber", FaultAspect::FlashAmber),
        ("flash_red", FaultAspect::FlashRed),
        ("all_red", FaultAspect::AllRed),
    ];
    let usual = SignalSpec::default();
    let mut seconds = |key: &'static str, usual: f64| {
        places.add(key, table.place(key));
        table.any_number(key, "seconds").map_or(usual, |seconds| seconds.value)
    };
    SignalSpec {
        amber_s: seconds("amber_s", usual.amber_s),
        all_red_s: seconds("all_red_s", usual.all_red_s),
        red_amber_s: seconds("red_amber_s", usual.red_amber_s),
        longest_red_s: seconds("longest_red_s", usual.longest_red_s),
        startup_flash_s: seconds("startup_flash_s", usual.startup_flash_s),
        startup_all_red_s: seconds("startup_all_red_s", usual.startup_all_red_s),
        stage_order: table.choice("stage_order", &ORDERS).map_or(usual.stage_order, |order| order.value),
        fault_aspect: table
            .choice("fault_aspect", &ASPECTS)
            .map_or(usual.fault_aspect, |aspect| aspect.value),
        drives_lamps,
    }
}
