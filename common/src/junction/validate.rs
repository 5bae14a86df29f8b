//! The rules that a junction must keep. All broken ones are reported at once, each naming the entry and the way out.

use super::{
    DONT_WALK_MS, Group, GroupIx, GroupSet, Junction, JunctionSpec, Lane, LaneIx, MAX_GROUPS, MAX_LANES,
    MAX_STAGES, SignalTimes, Stage, StageSpec, WALK_S,
};
use crate::junction::{GroupKind, GroupSpec};
use std::collections::BTreeSet;

/// A rule that a junction breaks.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[expect(missing_docs, reason = "the message of each variant says what it means")]
pub enum Problem {
    #[error("a junction needs at least one {what}; add a [[{what}]]")]
    None { what: &'static str },
    #[error("a signal needs at least two stages, or its only green never ends; add a [[stage]]")]
    OneStage,
    #[error("{count} {what}s are too many; a junction has at most {most}")]
    TooMany { what: &'static str, count: usize, most: usize },
    #[error("two {what}s are named \"{name}\"; names are unique in a junction")]
    DuplicateName { what: &'static str, name: String },
    #[error("a {what} has the name \"{name}\"; a name has 1 to 64 characters")]
    BadName { what: &'static str, name: String },
    #[error("lanes \"{a}\" and \"{b}\" have the same id; each lane needs its own")]
    DuplicateLaneId { a: String, b: String },
    #[error("{user} names the {what} \"{name}\", which does not exist; there are {known}")]
    Unknown { user: String, what: &'static str, name: String, known: String },
    #[error("{user} names \"{name}\" twice")]
    Twice { user: String, name: String },
    #[error("group \"{group}\" releases no lane; name its lanes, or make it a pedestrian group")]
    GroupWithoutLane { group: String },
    #[error(
        "group \"{group}\" has {field}, which only a pedestrian group has; take it out, or set kind = \"pedestrian\""
    )]
    NotPedestrian { group: String, field: &'static str },
    #[error(
        "the pedestrian group \"{group}\" has no clearance_s with lamps on the output: \"{to}\" would have green while people who stepped off last \
         still cross; set clearance_s to the length of the crossing in metres / 1.07, or give an [[intergreen]] from \"{group}\" to each group that it conflicts with"
    )]
    NoPedestrianClearance { group: String, to: String },
    #[error("group \"{group}\" has green in no stage and would stay red for ever; add it to a [[stage]]")]
    GroupWithoutStage { group: String },
    #[error(
        "all groups are pedestrian ones, and flash would leave every head dark; add a group for vehicles"
    )]
    OnlyPedestrians,
    #[error("stage \"{stage}\" has no groups; name its groups or lanes")]
    EmptyStage { stage: String },
    #[error(
        "stage \"{stage}\" gives green to \"{a}\" and \"{b}\", which conflict; list the pair under [[compatible]] if both may go, or part them"
    )]
    ConflictInStage { stage: String, a: String, b: String },
    #[error("[[compatible]] names the pair \"{a}\", \"{b}\" twice; keep one, with the right yield")]
    DuplicateCompatible { a: String, b: String },
    #[error("[[compatible]] pairs \"{group}\" with itself")]
    CompatibleWithItself { group: String },
    #[error("the intergreen from \"{from}\" to \"{to}\" is given twice; keep one")]
    DuplicateIntergreen { from: String, to: String },
    #[error(
        "an intergreen is given from \"{from}\" to \"{to}\", which are compatible; take one of the two out"
    )]
    IntergreenOfCompatible { from: String, to: String },
    #[error("the intergreen from \"{from}\" to \"{to}\" is {seconds} s; it lies between {least} s and 30 s")]
    IntergreenOutOfRange { from: String, to: String, seconds: f64, least: f64 },
    #[error("{field} is {value} s; it lies between {least} s and {most} s{note}")]
    OutOfRange { field: String, value: f64, least: f64, most: f64, note: &'static str },
    #[error("stage \"{stage}\": min_green_s {min} is above max_green_s {max}")]
    MinAboveMax { stage: String, min: u32, max: u32 },
    #[error(
        "red_amber_s {red_amber} s does not fit into an intergreen of {intergreen} s; shorten it or lengthen all_red_s"
    )]
    RedAmberTooLong { red_amber: f64, intergreen: f64 },
    #[error(
        "one round of all stages at minimum green takes {round} s with its clearances, which is above longest_red_s {longest}; raise longest_red_s or shorten minimum greens"
    )]
    RoundAboveLongestRed { round: u32, longest: u32 },
}

pub(super) fn build(spec: &JunctionSpec) -> Result<Junction, Vec<Problem>> {
    let mut problems = Vec::new();
    let groups = if spec.groups.is_empty() { groups_of_lanes(spec) } else { spec.groups.clone() };
    check_counts(spec, &groups, &mut problems);
    check_names("lane", spec.lanes.iter().map(|lane| &lane.name), &mut problems);
    check_names("group", groups.iter().map(|group| &group.name), &mut problems);
    check_names("stage", spec.stages.iter().map(|stage| &stage.name), &mut problems);
    check_lane_ids(spec, &mut problems);
    let signal = signal_times(spec, &mut problems);
    if problems.iter().any(|problem| matches!(problem, Problem::TooMany { .. })) {
        return Err(problems);
    }

    let lanes: Vec<Lane> = spec
        .lanes
        .iter()
        .map(|lane| Lane { id: lane.id, name: lane.name.clone(), direction: lane.direction })
        .collect();
    let groups: Vec<Group> = groups.iter().map(|group| build_group(group, &lanes, &mut problems)).collect();
    if !groups.is_empty() && groups.iter().all(|group| group.kind == GroupKind::Pedestrian) {
        problems.push(Problem::OnlyPedestrians);
    }
    let (compatible, yields) = build_compatible(spec, &groups, &mut problems);
    let stages: Vec<Stage> =
        spec.stages.iter().map(|stage| build_stage(stage, &lanes, &groups, &mut problems)).collect();
    let mut junction = Junction {
        id: spec.id,
        name: spec.name.clone(),
        lanes,
        groups,
        stages,
        signal,
        compatible,
        yields,
        intergreen_ms: Vec::new(),
    };
    junction.intergreen_ms = build_intergreens(spec, &junction, &mut problems);
    check_stages(&junction, &mut problems);
    if problems.is_empty() { Ok(junction) } else { Err(problems) }
}

fn groups_of_lanes(spec: &JunctionSpec) -> Vec<GroupSpec> {
    spec.lanes
        .iter()
        .map(|lane| GroupSpec {
            name: lane.name.clone(),
            kind: GroupKind::Vehicle,
            lanes: vec![lane.name.clone()],
            ..GroupSpec::default()
        })
        .collect()
}

fn check_counts(spec: &JunctionSpec, groups: &[GroupSpec], problems: &mut Vec<Problem>) {
    for (what, count, most) in [
        ("lane", spec.lanes.len(), MAX_LANES),
        ("group", groups.len(), MAX_GROUPS),
        ("stage", spec.stages.len(), MAX_STAGES),
    ] {
        if count > most {
            problems.push(Problem::TooMany { what, count, most });
        }
    }
    if spec.lanes.is_empty() {
        problems.push(Problem::None { what: "lane" });
    }
    match spec.stages.len() {
        0 => problems.push(Problem::None { what: "stage" }),
        1 => problems.push(Problem::OneStage),
        _ => {}
    }
}

fn check_names<'a>(what: &'static str, names: impl Iterator<Item = &'a String>, problems: &mut Vec<Problem>) {
    let mut seen = BTreeSet::new();
    for name in names {
        if name.is_empty() || name.chars().count() > 64 || name.chars().any(char::is_control) {
            problems.push(Problem::BadName { what, name: name.chars().take(64).collect() });
        }
        if !seen.insert(name) {
            problems.push(Problem::DuplicateName { what, name: name.clone() });
        }
    }
}

fn check_lane_ids(spec: &JunctionSpec, problems: &mut Vec<Problem>) {
    for (position, lane) in spec.lanes.iter().enumerate() {
        if let Some(first) = spec.lanes[..position].iter().find(|other| other.id == lane.id) {
            problems.push(Problem::DuplicateLaneId { a: first.name.clone(), b: lane.name.clone() });
        }
    }
}

fn signal_times(spec: &JunctionSpec, problems: &mut Vec<Problem>) -> SignalTimes {
    let signal = &spec.signal;
    let lamps = signal.drives_lamps;
    let mut ms = |field: &str, value: f64, least: f64, most: f64, note: &'static str| {
        if !(least..=most).contains(&value) {
            problems.push(Problem::OutOfRange { field: field.to_owned(), value, least, most, note });
        }
        to_ms(value)
    };
    let real = " with lamps on the output";
    SignalTimes {
        // Lamps change at whole seconds.
        amber_ms: ms(
            "amber_s",
            signal.amber_s,
            if lamps { 3.0 } else { 1.0 },
            6.0,
            if lamps { real } else { "" },
        )
        .next_multiple_of(1000),
        all_red_ms: ms(
            "all_red_s",
            signal.all_red_s,
            if lamps { 0.1 } else { 0.0 },
            10.0,
            if lamps { real } else { "" },
        ),
        red_amber_ms: ms("red_amber_s", signal.red_amber_s, 0.0, 3.0, ""),
        stage_order: signal.stage_order,
        longest_red_s: ms("longest_red_s", signal.longest_red_s, 20.0, 600.0, "") / 1000,
        startup_flash_s: ms("startup_flash_s", signal.startup_flash_s, 0.0, 60.0, "").div_ceil(1000),
        startup_all_red_s: ms("startup_all_red_s", signal.startup_all_red_s, 0.0, 60.0, "").div_ceil(1000),
        fault_aspect: signal.fault_aspect,
    }
}

/// Whole milliseconds; what is out of range has been reported and only must not wrap.
fn to_ms(seconds: f64) -> u32 {
    (seconds * 1000.0).round().clamp(0.0, 3_600_000.0) as u32
}

fn known<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

fn build_group(spec: &GroupSpec, lanes: &[Lane], problems: &mut Vec<Problem>) -> Group {
    let user = format!("group \"{}\"", spec.name);
    let lane_list = lanes_named(&user, &spec.lanes, lanes, problems);
    if spec.lanes.is_empty() && spec.kind != GroupKind::Pedestrian {
        problems.push(Problem::GroupWithoutLane { group: spec.name.clone() });
    }
    let pedestrian = spec.kind == GroupKind::Pedestrian;
    let given = [
        ("walk_s", spec.walk_s.is_some()),
        ("clearance_s", spec.clearance_s.is_some()),
        ("button", spec.button),
    ];
    for (field, _) in given.into_iter().filter(|(_, given)| *given && !pedestrian) {
        problems.push(Problem::NotPedestrian { group: spec.name.clone(), field });
    }
    let mut ms = |field: &str, value: Option<f64>, least: f64, usual: f64| {
        let value = value.filter(|_| pedestrian);
        if let Some(value) = value.filter(|value| !(least..=60.0).contains(value)) {
            let field = format!("{field} of group \"{}\"", spec.name);
            problems.push(Problem::OutOfRange { field, value, least, most: 60.0, note: "" });
        }
        to_ms(value.unwrap_or(if pedestrian { usual } else { 0.0 }))
    };
    Group {
        name: spec.name.clone(),
        kind: spec.kind,
        lanes: lane_list,
        exits: spec.exits.clone(),
        walk_ms: ms("walk_s", spec.walk_s, 4.0, WALK_S),
        clearance_ms: ms("clearance_s", spec.clearance_s, 1.0, 0.0),
        button: spec.button && pedestrian,
    }
}

fn lanes_named(user: &str, names: &[String], lanes: &[Lane], problems: &mut Vec<Problem>) -> Vec<LaneIx> {
    let mut found = Vec::new();
    for name in names {
        match lanes.iter().position(|lane| lane.name == *name) {
            // Programs that name a lane once for each movement mean the one lane.
            Some(position) if found.contains(&LaneIx::new(position)) => {}
            Some(position) => found.push(LaneIx::new(position)),
            None => problems.push(Problem::Unknown {
                user: user.to_owned(),
                what: "lane",
                name: name.clone(),
                known: known(lanes.iter().map(|lane| lane.name.as_str())),
            }),
        }
    }
    found
}

fn group_named(user: &str, name: &str, groups: &[Group], problems: &mut Vec<Problem>) -> Option<GroupIx> {
    let position = groups.iter().position(|group| group.name == name);
    if position.is_none() {
        problems.push(Problem::Unknown {
            user: user.to_owned(),
            what: "group",
            name: name.to_owned(),
            known: known(groups.iter().map(|group| group.name.as_str())),
        });
    }
    position.map(GroupIx::new)
}

fn build_stage(spec: &StageSpec, lanes: &[Lane], groups: &[Group], problems: &mut Vec<Problem>) -> Stage {
    let user = format!("stage \"{}\"", spec.name);
    let mut set = GroupSet::EMPTY;
    for name in &spec.groups {
        if let Some(group) = group_named(&user, name, groups, problems) {
            if set.contains(group) {
                problems.push(Problem::Twice { user: user.clone(), name: name.clone() });
            }
            set.insert(group);
        }
    }
    if spec.groups.is_empty() {
        let named = lanes_named(&user, &spec.lanes, lanes, problems);
        set = (0..groups.len())
            .map(GroupIx::new)
            .filter(|group| groups[group.index()].lanes.iter().any(|lane| named.contains(lane)))
            .collect();
    }
    if spec.groups.is_empty() && spec.lanes.is_empty() {
        problems.push(Problem::EmptyStage { stage: spec.name.clone() });
    }
    let mut green = |field: &str, value: f64| {
        if !(1.0..=600.0).contains(&value) {
            problems.push(Problem::OutOfRange {
                field: format!("{field} of stage \"{}\"", spec.name),
                value,
                least: 1.0,
                most: 600.0,
                note: "",
            });
        }
        to_ms(value)
    };
    // No person on foot gets less than their walk, whatever the stage says.
    let walk_ms = set.iter().map(|group| groups[group.index()].walk_ms).max().unwrap_or(0);
    let min_green_s = green("min_green_s", spec.min_green_s).max(walk_ms).div_ceil(1000);
    let max_green_s = green("max_green_s", spec.max_green_s) / 1000;
    if min_green_s > max_green_s {
        problems.push(Problem::MinAboveMax { stage: spec.name.clone(), min: min_green_s, max: max_green_s });
    }
    Stage { name: spec.name.clone(), groups: set, min_green_s, max_green_s, skip: spec.skip }
}

fn build_compatible(
    spec: &JunctionSpec,
    groups: &[Group],
    problems: &mut Vec<Problem>,
) -> (Vec<GroupSet>, Vec<(GroupIx, GroupIx)>) {
    let mut compatible = vec![GroupSet::EMPTY; groups.len()];
    let mut yields = Vec::new();
    for pair in &spec.compatible {
        let a = group_named("[[compatible]]", &pair.a, groups, problems);
        let b = group_named("[[compatible]]", &pair.b, groups, problems);
        let (Some(a), Some(b)) = (a, b) else { continue };
        if a == b {
            problems.push(Problem::CompatibleWithItself { group: pair.a.clone() });
            continue;
        }
        if compatible[a.index()].contains(b) {
            problems.push(Problem::DuplicateCompatible { a: pair.a.clone(), b: pair.b.clone() });
        }
        compatible[a.index()].insert(b);
        compatible[b.index()].insert(a);
        if pair.yields {
            yields.push((a, b));
        }
    }
    (compatible, yields)
}

fn build_intergreens(spec: &JunctionSpec, junction: &Junction, problems: &mut Vec<Problem>) -> Vec<u32> {
    let count = junction.groups.len();
    let usual = junction.signal.amber_ms + junction.signal.all_red_ms;
    let mut table = vec![0; count * count];
    for from in junction.group_indexes() {
        for to in junction.group_indexes() {
            if junction.conflicts(from, to) {
                table[from.index() * count + to.index()] = usual;
            }
        }
    }
    let given_amber_ms = to_ms(spec.signal.amber_s);
    let least_ms = given_amber_ms + if spec.signal.drives_lamps { 100 } else { 0 };
    // What the amber is longer than given must not be taken from the red after it.
    let longer_ms = junction.signal.amber_ms - given_amber_ms;
    let mut given = BTreeSet::new();
    for row in &spec.intergreens {
        let from = group_named("[[intergreen]]", &row.from, &junction.groups, problems);
        let to = group_named("[[intergreen]]", &row.to, &junction.groups, problems);
        let (Some(from), Some(to)) = (from, to) else { continue };
        if !given.insert((from, to)) {
            problems.push(Problem::DuplicateIntergreen { from: row.from.clone(), to: row.to.clone() });
        }
        if !junction.conflicts(from, to) {
            problems.push(Problem::IntergreenOfCompatible { from: row.from.clone(), to: row.to.clone() });
            continue;
        }
        let least = f64::from(least_ms) / 1000.0;
        if !(least..=30.0).contains(&row.seconds) {
            problems.push(Problem::IntergreenOutOfRange {
                from: row.from.clone(),
                to: row.to.clone(),
                seconds: row.seconds,
                least,
            });
        }
        table[from.index() * count + to.index()] = to_ms(row.seconds) + longer_ms;
    }
    for from in junction.group_indexes() {
        let (clearance_ms, kind) = (junction.group(from).clearance_ms, junction.group(from).kind);
        // The time for vehicles, amber and all red, is not that for people on foot.
        let mut unclear = junction.conflicts_of(from).iter().filter(|to| !given.contains(&(from, *to)));
        if spec.signal.drives_lamps
            && kind == GroupKind::Pedestrian
            && clearance_ms == 0
            && let Some(to) = unclear.next()
        {
            let (group, to) = (junction.group(from).name.clone(), junction.group(to).name.clone());
            problems.push(Problem::NoPedestrianClearance { group, to });
        }
        for to in junction.conflicts_of(from).iter().filter(|_| clearance_ms > 0) {
            let pair = &mut table[from.index() * count + to.index()];
            *pair = (*pair).max(clearance_ms + DONT_WALK_MS);
        }
    }
    let shortest = table.iter().copied().filter(|&ms| ms > 0).min().unwrap_or(usual);
    if junction.signal.red_amber_ms > shortest {
        problems.push(Problem::RedAmberTooLong {
            red_amber: f64::from(junction.signal.red_amber_ms) / 1000.0,
            intergreen: f64::from(shortest) / 1000.0,
        });
    }
    table
}

fn check_stages(junction: &Junction, problems: &mut Vec<Problem>) {
    for stage in &junction.stages {
        for a in stage.groups.iter() {
            for b in stage.groups.iter().filter(|&b| b > a && junction.conflicts(a, b)) {
                problems.push(Problem::ConflictInStage {
                    stage: stage.name.clone(),
                    a: junction.group(a).name.clone(),
                    b: junction.group(b).name.clone(),
                });
            }
        }
    }
    let served = junction.stages.iter().fold(GroupSet::EMPTY, |all, stage| all.union(stage.groups));
    for group in junction.all_groups().minus(served).iter() {
        problems.push(Problem::GroupWithoutStage { group: junction.group(group).name.clone() });
    }
    if junction.stages.len() < 2 {
        return;
    }
    let count = junction.stages.len();
    let round: u32 = junction
        .stage_indexes()
        .map(|stage| {
            let next = super::StageIx::new((stage.index() + 1) % count);
            junction.stage(stage).min_green_s + junction.clearance_s(stage, next)
        })
        .sum();
    if round > junction.signal.longest_red_s {
        problems.push(Problem::RoundAboveLongestRed { round, longest: junction.signal.longest_red_s });
    }
}
