use super::*;
use uuid::Uuid;

/// Four approaches, one stage each: the shape of most junctions.
pub(crate) fn four_way() -> JunctionSpec {
    let names = ["N", "S", "E", "W"];
    JunctionSpec {
        id: JunctionId(Uuid::from_u128(1)),
        name: "Main Street & Oak Ave".into(),
        lanes: names
            .iter()
            .zip(10..)
            .map(|(name, id)| LaneSpec {
                id: LaneId(Uuid::from_u128(id)),
                name: (*name).into(),
                direction: None,
            })
            .collect(),
        groups: Vec::new(),
        stages: names
            .iter()
            .map(|name| StageSpec {
                name: (*name).into(),
                groups: Vec::new(),
                lanes: vec![(*name).into()],
                min_green_s: 7.0,
                max_green_s: 60.0,
                skip: false,
            })
            .collect(),
        compatible: Vec::new(),
        intergreens: Vec::new(),
        signal: SignalSpec::default(),
    }
}

fn problems(spec: &JunctionSpec) -> Vec<String> {
    Junction::build(spec).expect_err("the specification is broken").iter().map(ToString::to_string).collect()
}

#[test]
fn lanes_without_groups_are_groups_and_all_conflict() {
    let junction = Junction::build(&four_way()).unwrap();
    assert_eq!(junction.groups().len(), 4);
    let (n, s) = (junction.group_named("N").unwrap(), junction.group_named("S").unwrap());
    assert!(junction.conflicts(n, s) && !junction.conflicts(n, n));
    assert_eq!(junction.intergreen_ms(n, s), 5000);
    assert_eq!(junction.conflicts_of(n).len(), 3);
    assert_eq!(junction.clearance_s(StageIx::new(0), StageIx::new(1)), 5);
    assert_eq!(junction.lanes_of_stage(StageIx::new(2)), vec![LaneIx::new(2)]);
}

#[test]
fn a_lane_that_a_group_names_twice_is_in_it_once() {
    let mut spec = four_way();
    spec.groups = ["N", "S", "E", "W"]
        .map(|name| GroupSpec {
            name: name.into(),
            kind: GroupKind::Vehicle,
            lanes: vec![name.into(), name.into()],
            ..GroupSpec::default()
        })
        .to_vec();
    let junction = Junction::build(&spec).unwrap();
    assert_eq!(junction.group(GroupIx::new(3)).lanes, [LaneIx::new(3)]);
}

#[test]
fn a_change_that_only_adds_groups_needs_no_clearance() {
    let mut spec = four_way();
    spec.stages[0].lanes = vec!["N".into()];
    spec.stages[1].lanes = vec!["N".into(), "S".into()];
    spec.compatible.push(CompatibleSpec { a: "N".into(), b: "S".into(), yields: true });
    let junction = Junction::build(&spec).unwrap();
    assert_eq!(junction.clearance_s(StageIx::new(0), StageIx::new(1)), 0);
    assert_eq!(
        junction.clearance_s(StageIx::new(1), StageIx::new(0)),
        3,
        "what only ends still has its amber"
    );
    assert_eq!(junction.yields().len(), 1);
}

#[test]
fn intergreens_replace_amber_plus_all_red_and_round_up_to_whole_seconds() {
    let mut spec = four_way();
    spec.intergreens.push(IntergreenSpec { from: "N".into(), to: "S".into(), seconds: 6.2 });
    let junction = Junction::build(&spec).unwrap();
    assert_eq!(junction.clearance_s(StageIx::new(0), StageIx::new(1)), 7);
    assert_eq!(junction.clearance_s(StageIx::new(1), StageIx::new(2)), 5);
    assert_eq!(junction.longest_clearance_s(), 7);
}

#[test]
fn an_amber_is_rounded_up_and_every_intergreen_grows_by_as_much() {
    let mut spec = four_way();
    (spec.signal.amber_s, spec.signal.all_red_s) = (3.1, 0.9);
    spec.signal.drives_lamps = true;
    spec.intergreens.push(IntergreenSpec { from: "N".into(), to: "S".into(), seconds: 3.2 });
    let junction = Junction::build(&spec).expect("as it is given it is within its limits");
    let (n, s) = (junction.group_named("N").unwrap(), junction.group_named("S").unwrap());
    assert_eq!(junction.signal.amber_ms, 4000);
    assert_eq!((junction.intergreen_ms(n, s), junction.intergreen_ms(s, n)), (4100, 4900));
    assert_eq!(junction.clearance_s(StageIx::new(0), StageIx::new(1)), 5);
    // What it has made of them it makes of them again.
    (spec.signal.amber_s, spec.intergreens[0].seconds) = (4.0, 4.1);
    assert_eq!(Junction::build(&spec).unwrap(), junction);
}

#[test]
fn every_broken_rule_is_reported_at_once() {
    let mut spec = four_way();
    spec.lanes[1].id = spec.lanes[0].id;
    spec.lanes[2].name = "N".into();
    spec.stages[3].lanes = vec!["N".into(), "S".into()];
    spec.stages[0].lanes = vec!["X".into()];
    spec.stages[1].min_green_s = 70.0;
    spec.signal.amber_s = 2.0;
    spec.signal.drives_lamps = true;
    let found = problems(&spec).join("\n");
    for part in [
        "lanes \"N\" and \"S\" have the same id",
        "two lanes are named \"N\"",
        "stage \"N\" names the lane \"X\", which does not exist; there are N, S, N, W",
        "stage \"S\": min_green_s 70 is above max_green_s 60",
        "amber_s is 2 s; it lies between 3 s and 6 s with lamps on the output",
        "group \"W\" has green in no stage",
    ] {
        assert!(found.contains(part), "missing: {part}\nin:\n{found}");
    }
}

#[test]
fn groups_that_are_not_listed_as_compatible_cannot_share_a_stage() {
    let mut spec = four_way();
    spec.stages[0].lanes.push("S".into());
    assert_eq!(
        problems(&spec),
        [
            "stage \"N\" gives green to \"N\" and \"S\", which conflict; list the pair under [[compatible]] if both may go, or part them"
        ]
    );
}

#[test]
fn nonsense_times_are_refused_without_a_panic() {
    let mut spec = four_way();
    spec.signal.all_red_s = f64::NAN;
    spec.stages[0].max_green_s = f64::INFINITY;
    spec.stages[1].min_green_s = -4.0;
    assert_eq!(problems(&spec).len(), 3);
}

#[test]
fn a_round_that_cannot_keep_the_longest_red_is_refused() {
    let mut spec = four_way();
    for stage in &mut spec.stages {
        stage.min_green_s = 50.0;
    }
    assert!(problems(&spec)[0].contains("takes 220 s with its clearances, which is above longest_red_s 180"));
}

#[test]
fn a_junction_without_heads_for_vehicles_is_refused() {
    let mut spec = four_way();
    let pedestrian =
        |name: &str| GroupSpec { name: name.into(), kind: GroupKind::Pedestrian, ..GroupSpec::default() };
    spec.groups = ["N", "S", "E", "W"].map(pedestrian).to_vec();
    for stage in &mut spec.stages {
        stage.groups = std::mem::take(&mut stage.lanes);
    }
    assert_eq!(
        problems(&spec),
        ["all groups are pedestrian ones, and flash would leave every head dark; add a group for vehicles"]
    );
    spec.groups[0] = GroupSpec { name: "N".into(), lanes: vec!["N".into()], ..GroupSpec::default() };
    assert!(Junction::build(&spec).is_ok());
}

#[test]
fn people_on_foot_have_a_clearance_where_lamps_are_real() {
    let mut spec = four_way();
    let group = |name: &str, kind| GroupSpec {
        name: name.into(),
        kind,
        lanes: if kind == GroupKind::Pedestrian { Vec::new() } else { vec![name.into()] },
        exits: Vec::new(),
        walk_s: None,
        clearance_s: None,
        button: false,
    };
    spec.groups = ["N", "S", "E", "W"].map(|name| group(name, GroupKind::Vehicle)).into();
    spec.groups.push(group("P", GroupKind::Pedestrian));
    spec.stages.push(StageSpec {
        name: "P".into(),
        groups: vec!["P".into()],
        lanes: Vec::new(),
        ..spec.stages[0].clone()
    });
    Junction::build(&spec).expect("nobody walks before virtual lamps");
    spec.signal.drives_lamps = true;
    let found = problems(&spec);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].starts_with("the pedestrian group \"P\" has no clearance_s"), "{}", found[0]);
    let to = |to: &str| IntergreenSpec { from: "P".into(), to: to.into(), seconds: 15.0 };
    spec.intergreens = ["N", "S", "E"].map(to).into();
    assert!(problems(&spec)[0].contains("\"W\" would have green"));
    spec.intergreens.push(to("W"));
    Junction::build(&spec).expect("each intergreen says how long it takes");
    spec.intergreens.clear();
    spec.groups[4].clearance_s = Some(9.0);
    Junction::build(&spec).expect("it says so itself");
}
