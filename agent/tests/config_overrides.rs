//! Files of `config.d`: which value holds, where errors point, where each value comes from.

use flextraff_agent::config::{self, Config};
use flextraff_common::junction::StageIx;
use std::fs;
use std::path::{Path, PathBuf};

const SITE: &str = r#"[junction]
id = "11111111-1111-4111-8111-111111111111"
[device]
id = "22222222-2222-4222-8222-222222222222"
[[lane]]
id = "33333333-3333-4333-8333-000000000001"
name = "N"
pins = { red = 2, amber = 3, green = 4 }
[[lane]]
id = "33333333-3333-4333-8333-000000000002"
name = "E"
pins = { red = 5, amber = 6, green = 7 }
[[stage]]
name = "N"
lanes = ["N"]
min_green_s = 7
[[stage]]
name = "E"
lanes = ["E"]
[signal]
amber_s = 3.0
all_red_s = 2.0
[[fallback]]
greens = { "N" = 20, "E" = 20 }
"#;

/// A folder with the site and the given override files.
fn site(overrides: &[(&str, &str)]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("agent.toml");
    fs::write(&file, SITE).expect("it is writable");
    fs::create_dir(folder.path().join("config.d")).expect("it is writable");
    for (name, text) in overrides {
        fs::write(folder.path().join("config.d").join(name), text).expect("it is writable");
    }
    (folder, file)
}

fn load(overrides: &[(&str, &str)]) -> Config {
    let (_folder, file) = site(overrides);
    config::load(&file).unwrap_or_else(|errors| panic!("{errors}"))
}

/// Every error with its file's name instead of its path.
fn errors(overrides: &[(&str, &str)]) -> Vec<String> {
    let (folder, file) = site(overrides);
    let errors = config::load(&file).expect_err("something is wrong");
    let folder = format!("{}/", folder.path().display());
    errors.0.iter().map(|error| error.to_string().replace(&folder, "")).collect()
}

#[test]
fn later_files_override_single_keys_in_the_order_of_their_names() {
    let config = load(&[
        ("20-b.toml", "[signal]\namber_s = 5.0\n"),
        ("10-a.toml", "[signal]\namber_s = 4.0\nall_red_s = 3.0\n"),
        ("30-c.toml.bak", "[signal]\namber_s = 9.0\n"),
    ]);
    assert_eq!(config.junction.signal.amber_ms, 5000);
    assert_eq!(config.junction.signal.all_red_ms, 3000, "a key that only the first override has");
    assert_eq!(config.junction.lanes().len(), 2);
}

#[test]
fn an_entry_of_the_same_name_gets_the_new_keys_and_another_is_appended() {
    let config = load(&[(
        "site.toml",
        "[[stage]]\nname = \"E\"\nmin_green_s = 12\n\
         [[lane]]\nid = \"33333333-3333-4333-8333-000000000002\"\nspeed_kmh = 30\n\
         [[lane]]\nid = \"33333333-3333-4333-8333-000000000003\"\nname = \"S\"\n\
         [[stage]]\nname = \"S\"\nlanes = [\"S\"]\n\
         [[reader]]\nname = \"south\"\nport = \"virtual\"\nlanes = { default = \"S\" }\n",
    )]);
    let junction = &config.junction;
    let stages: Vec<(&str, u32)> =
        junction.stages().iter().map(|stage| (stage.name.as_str(), stage.min_green_s)).collect();
    assert_eq!(stages, [("N", 7), ("E", 12), ("S", 7)]);
    assert_eq!(junction.stage(StageIx::new(1)).groups.iter().count(), 1, "its lanes stay");
    assert!((config.lanes[1].speed_kmh - 30.0).abs() < 1e-9, "a lane may be named by its id");
    assert_eq!(config.readers.len(), 1);
}

/// Real lamps, which have pins.
const REAL: (&str, &str) = ("real.toml", "[output]\ndriver = \"rppal\"\n");

#[test]
fn a_lane_is_named_by_its_id_before_its_name() {
    // Whoever names the lane from then on says the new name.
    let more = "[[stage]]\nname = \"E\"\nlanes = [\"East\"]\n";
    let renamed = "[[lane]]\nid = \"33333333-3333-4333-8333-000000000002\"\nname = \"East\"\n";
    let config = load(&[("a.toml", renamed), ("b.toml", more), REAL]);
    let lanes = config.junction.lanes().iter();
    assert_eq!(lanes.map(|lane| lane.name.as_str()).collect::<Vec<_>>(), ["N", "East"]);
    assert_eq!(config.output.pins[1].red, Some(5), "what the first file says of it stays");
    // An id that nobody has yet is a new one of the lane of that name.
    let config =
        load(&[("a.toml", "[[lane]]\nid = \"33333333-3333-4333-8333-000000000009\"\nname = \"E\"\n")]);
    assert_eq!(config.junction.lanes().len(), 2);
    // Two that change names at once are still two.
    let swapped = "[[lane]]\nid = \"33333333-3333-4333-8333-000000000001\"\nname = \"E\"\n\
         [[lane]]\nid = \"33333333-3333-4333-8333-000000000002\"\nname = \"N\"\n";
    let config = load(&[("a.toml", swapped), REAL]);
    assert_eq!(config.junction.lanes().iter().map(|lane| lane.name.as_str()).collect::<Vec<_>>(), ["E", "N"]);
    assert_eq!(config.output.pins[0].red, Some(2));
}

#[test]
fn pairs_are_named_by_both_sides_and_fallback_tables_are_replaced_together() {
    let more = "[[intergreen]]\nfrom = \"N\"\nto = \"E\"\nseconds = 6\n[[fallback]]\ngreens = { \"N\" = 30, \"E\" = 15 }\n";
    let config =
        load(&[("a.toml", more), ("b.toml", "[[intergreen]]\nfrom = \"N\"\nto = \"E\"\nseconds = 7\n")]);
    let groups: Vec<_> = config.junction.group_indexes().collect();
    assert_eq!(config.junction.intergreen_ms(groups[0], groups[1]), 7000);
    assert_eq!(config.junction.intergreen_ms(groups[1], groups[0]), 5000);
    assert_eq!(config.fallback.iter().map(|table| table.greens.clone()).collect::<Vec<_>>(), [vec![30, 15]]);
    // A compatible pair has no direction.
    let pair =
        |a: &str, b: &str, yields| format!("[[compatible]]\na = \"{a}\"\nb = \"{b}\"\nyield = {yields}\n");
    let config = load(&[("a.toml", &pair("N", "E", false)), ("b.toml", &pair("E", "N", true))]);
    assert!(!config.junction.conflicts(groups[0], groups[1]));
    assert_eq!(config.junction.yields(), [(groups[1], groups[0])]);
}

#[test]
fn a_value_that_is_no_section_is_replaced_whole() {
    let config = load(&[(
        "pins.toml",
        "[output]\ndriver = \"rppal\"\n[[lane]]\nname = \"N\"\npins = { red = 17, amber = 27, green = 22 }\n",
    )]);
    assert_eq!(config.output.pins[0].red, Some(17));
    assert_eq!(config.output.pins[1].red, Some(5));
    let found = errors(&[(
        "pins.toml",
        "[output]\ndriver = \"rppal\"\n[[lane]]\nname = \"N\"\npins = { red = 17 }\n",
    )]);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(
        found[0].starts_with("config.d/pins.toml:5:8: driver = \"rppal\" needs a pin for each lamp"),
        "{found:?}"
    );
}

#[test]
fn errors_of_all_files_come_together_each_with_its_own_file_line_and_column() {
    let found = errors(&[
        ("10.toml", "\u{feff}[signal]\nambre_s = 3.5\n"),
        ("20.toml", "# Umlaute: äöü\n[counting]\naccept = \"fasttag\"\n[signal]\namber_s = \"long\"\n"),
        ("30.toml", "[[stage]]\nname = \"E\"\nmin_green_s = 0\n"),
    ]);
    assert_eq!(found.len(), 4, "{found:#?}");
    assert_eq!(found[0], "config.d/10.toml:2:1: [signal] has no key \"ambre_s\"; did you mean \"amber_s\"?");
    assert!(
        found[1].starts_with(
            "config.d/20.toml:3:10: accept of [counting] is \"fasttag\"; did you mean \"fastag\"?"
        )
    );
    assert!(found[2].starts_with("config.d/20.toml:5:11: amber_s of [signal] is a text"), "{found:#?}");
    assert!(found[3].starts_with("config.d/30.toml:3:15: min_green_s of stage \"E\""), "{found:#?}");
}

#[test]
fn grammar_errors_show_the_line_of_their_file() {
    let found = errors(&[("10.toml", "[signal]\namber_s = = 3\n"), ("20.toml", "[[stage\n")]);
    assert!(found[0].starts_with("config.d/10.toml:2:11: this is no TOML:"), "{found:#?}");
    assert!(found[0].contains("2 | amber_s = = 3\n  |           ^"), "{found:#?}");
    assert!(found.iter().any(|error| error.starts_with("config.d/20.toml:1:")), "{found:#?}");
}

#[test]
fn a_name_that_one_file_has_twice_is_an_error() {
    let found = errors(&[("a.toml", "[[stage]]\nname = \"E\"\n[[stage]]\nname = \"E\"\nskip = true\n")]);
    assert!(found.iter().any(|error| error.starts_with("config.d/a.toml:3:")), "{found:#?}");
    assert!(found.iter().any(|error| error.contains("\"E\"")), "{found:#?}");
}

#[test]
fn files_that_cannot_be_read_are_all_named() {
    let (folder, file) = site(&[("b.toml", "[signals]\n")]);
    fs::create_dir(folder.path().join("config.d/a.toml")).unwrap();
    fs::write(folder.path().join("config.d/c.toml"), b"a = 1\nb = \"\xff\"\n").unwrap();
    let errors = config::load(&file).expect_err("two files cannot be read");
    let all = errors.to_string();
    assert_eq!(errors.0.len(), 2, "{all}");
    assert!(all.contains("a.toml: the configuration cannot be read (Is a directory"), "{all}");
    assert!(all.contains("c.toml: line 2 is no UTF-8"), "{all}");
    fs::write(folder.path().join("config.d/c.toml"), "#".repeat(1 << 20)).unwrap();
    let all = config::load(&file).expect_err("they are too large together").to_string();
    assert!(all.contains("it has at most 1048576"), "{all}");
}

#[test]
fn what_an_editor_keeps_beside_an_override_and_copies_of_before_are_left_out() {
    let broken = "this is no TOML";
    let names = [
        ".50-lanes.toml",
        ".50-lanes.toml.swp",
        ".#50-lanes.toml",
        "#50-lanes.toml#",
        "50-lanes.toml~",
        "50-lanes~.toml",
        "50-lanes.toml.bak",
        "50-lanes.bak.toml",
        "50-lanes.orig.toml",
        "50-lanes.old.toml",
        "50-lanes.toml.dpkg-old",
    ];
    let (folder, file) = site(&names.map(|name| (name, broken)));
    // As Emacs marks a file that it has open: a link to nowhere.
    std::os::unix::fs::symlink("nobody@nowhere.1", folder.path().join("config.d/.#60.toml")).unwrap();
    let config = config::load(&file).unwrap_or_else(|errors| panic!("{errors}"));
    assert_eq!(config.hash, load(&[]).hash);
    assert!(errors(&[("50-lanes.toml", broken)])[0].contains("50-lanes.toml"), "one that is meant is not");
}

#[test]
fn the_hash_is_of_what_holds_not_of_how_it_was_written() {
    let plain = load(&[]).hash;
    assert_eq!(
        load(&[("same.toml", "[signal]\namber_s = 3\n[counting]\naccept = \"fastag\"\n")]).hash,
        plain
    );
    assert_ne!(load(&[("other.toml", "[signal]\namber_s = 3.5\n")]).hash, plain);
}

#[test]
fn each_value_tells_where_it_comes_from() {
    let (folder, file) = site(&[(
        "site.toml",
        "[signal]\namber_s = 4.0\n[[reader]]\nport = \"virtual\"\nlanes = { default = \"N\" }\n[[stage]]\nname = \"E\"\nskip = true\n",
    )]);
    let text = config::explain(&file).unwrap_or_else(|errors| panic!("{errors}"));
    let folder = format!("{}/", folder.path().display());
    let text = text.replace(&folder, "");
    let has = |line: &str, origin: &str| {
        let found =
            text.lines().any(|shown| shown.starts_with(line) && shown.ends_with(&format!("# {origin}")));
        assert!(found, "no line \"{line}\" from {origin} in\n{text}");
    };
    has("amber_s = 4.0", "config.d/site.toml:2");
    has("all_red_s = 2.0", "agent.toml:22");
    has("settle_ms = 1000", "default");
    has("port = \"virtual\"", "config.d/site.toml:4");
    has("skip = true", "config.d/site.toml:8");
    has("min_green_s = 7", "agent.toml:16");
    has("groups = [\"N\"]", "agent.toml:15");
    has("time_zone = \"Asia/Kolkata\"", "default");
    assert_eq!(config::parse(Path::new("explained"), &text).unwrap().hash, config::load(&file).unwrap().hash);
}
