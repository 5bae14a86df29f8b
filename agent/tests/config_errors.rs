//! What people read when a configuration is wrong: exact sentences, all at once, each with its place.

use flextraff_agent::config::{load, parse};
use std::path::Path;

const HEAD: &str = r#"[junction]
id = "11111111-1111-4111-8111-111111111111"
[device]
id = "22222222-2222-4222-8222-222222222222"
[[lane]]
id = "33333333-3333-4333-8333-000000000001"
name = "N"
[[lane]]
id = "33333333-3333-4333-8333-000000000002"
name = "E"
[[stage]]
name = "N"
lanes = ["N"]
[[stage]]
name = "E"
lanes = ["E"]
"#;
/// Lines of [`HEAD`].
const LINES: usize = 16;

/// The errors of a text, a line each.
fn errors_of(text: &str) -> Vec<String> {
    match parse(Path::new("agent.toml"), text) {
        Ok(_) => Vec::new(),
        Err(errors) => errors.0.iter().map(ToString::to_string).collect(),
    }
}

/// The errors of what follows a sound beginning; lines count from its end.
#[track_caller]
fn expect(more: &str, wanted: &[&str]) {
    let found = errors_of(&format!("{HEAD}{more}"));
    let wanted: Vec<String> = wanted
        .iter()
        .map(|error| {
            let (line, rest) = error.split_once(':').expect("line:column: sentence");
            format!("agent.toml:{}:{rest}", line.parse::<usize>().expect("a line") + LINES)
        })
        .collect();
    assert_eq!(found, wanted);
}

#[test]
fn a_sound_beginning_is_sound() {
    expect("", &[]);
}

#[test]
fn a_socket_has_a_path_that_a_socket_can_have() {
    let longest = format!("/{}", "x".repeat(106));
    expect(&format!("[console]\nsocket = \"{longest}\"\n"), &[]);
    expect(
        &format!("[console]\nsocket = \"{longest}x\"\n"),
        &["2:10: socket of [console] has 108 bytes; the path of a socket has at most 107"],
    );
    expect(
        "[console]\nsocket = \"agent.sock\"\n",
        &[
            "2:10: socket of [console] is \"agent.sock\"; it is a path from the root, such as \"/var/lib/flextraff\"",
        ],
    );
}

#[test]
fn everything_wrong_is_said_at_once_in_the_order_of_the_file() {
    let text = r#"[singal]
amber_s = 3
[signal]
amber = 3.0
all_red_s = "two"
[[reader]]
name = "north"
protocol = "uhfraeder"
port = "ttyUSB0"
lanes = { "1" = "M", "17" = "N" }
[counting]
interval_s = 0
"#;
    expect(
        text,
        &[
            "1:2: the file has no section [singal]; did you mean [signal]?",
            "4:1: [signal] has no key \"amber\"; did you mean \"amber_s\"?",
            "5:13: all_red_s of [signal] is a text; it is a number of seconds",
            "8:12: protocol of reader \"north\" is \"uhfraeder\"; did you mean \"uhfreader\"? \"auto\", \"uhfreader\", \"cf\", \"m100\", \"ascii\", \"thingmagic\", \"a0\", \"cc\" are possible",
            "9:8: port of reader \"north\" is \"ttyUSB0\"; it is a device file such as \"/dev/serial/by-path/…\", \"tcp://host:port\", or \"virtual\" for none",
            "10:17: lanes of reader \"north\" names the lane \"M\", which does not exist; there are N, E",
            "10:22: lanes of reader \"north\" has no port \"17\"; its keys are the antenna ports \"1\" to \"16\" and default",
            "12:14: interval_s of [counting] is 0; it lies between 1 and 3600 seconds",
        ],
    );
}

#[test]
fn what_has_no_default_is_asked_for() {
    assert_eq!(
        errors_of("[[lane]]\nname = \"N\"\n"),
        [
            "agent.toml:1:1: [device] has no id; add id = \"123e4567-e89b-42d3-a456-426614174000\"",
            "agent.toml:1:1: [junction] has no id; add id = \"123e4567-e89b-42d3-a456-426614174000\"",
            "agent.toml:1:1: lane \"N\" has no id; add id = \"123e4567-e89b-42d3-a456-426614174000\"",
            "agent.toml:1:1: a junction needs at least one stage; add a [[stage]]",
            "agent.toml:1:1: group \"N\" has green in no stage and would stay red for ever; add it to a [[stage]]",
        ]
    );
}

#[test]
fn what_is_no_toml_is_shown_with_a_mark() {
    let errors = errors_of("[junction]\nname = \"a\nid = 1\n");
    assert_eq!(
        errors,
        [
            "agent.toml:2:10: this is no TOML: invalid basic string, expected `\"`\n2 | name = \"a\n  |          ^"
        ]
    );
}

#[test]
fn broken_rules_of_the_junction_point_at_their_entries() {
    expect(
        "[[compatible]]\na = \"N\"\nb = \"X\"\n[[intergreen]]\nfrom = \"N\"\nto = \"E\"\nseconds = 40\n[signal]\namber_s = 0.5\n",
        &[
            "3:5: [[compatible]] names the group \"X\", which does not exist; there are N, E",
            "4:1: the intergreen from \"N\" to \"E\" is 40 s; it lies between 0.5 s and 30 s",
            "9:11: amber_s is 0.5 s; it lies between 1 s and 6 s",
        ],
    );
    expect(
        "[[stage]]\nname = \"both\"\nlanes = [\"N\", \"E\"]\nmin_green_s = 10\nmax_green_s = 5\n",
        &[
            "1:1: stage \"both\": min_green_s 10 is above max_green_s 5",
            "1:1: stage \"both\" gives green to \"N\" and \"E\", which conflict; list the pair under [[compatible]] if both may go, or part them",
        ],
    );
    expect(
        "[signal]\nstartup_all_red_s = 2\n",
        &["2:21: startup_all_red_s is 2 s, but the longest clearance takes 5 s; make it at least as long"],
    );
}

#[test]
fn pins_are_complete_and_unique_where_lamps_hang_on_them() {
    let text = HEAD.replacen("name = \"N\"\n", "name = \"N\"\npins = { red = 2, amber = 3, green = 2 }\n", 1);
    assert_eq!(
        errors_of(&format!(
            "{text}[output]\ndriver = \"rppal\"\n[input]\ndoor = 28\nflash = 3\nadvance = 9\nlongest_panel_s = 30\n"
        )),
        [
            "agent.toml:8:38: pin 2 is both red of \"N\" and green of \"N\"; each needs its own",
            "agent.toml:9:1: driver = \"rppal\" needs a pin for each lamp, but group \"E\" has none for red, amber, green; add it to pins",
            "agent.toml:21:8: door of [input] is 28; it lies between 0 and 27 (a BCM number)",
            "agent.toml:22:9: pin 3 is both amber of \"N\" and flash of [input]; each needs its own",
            "agent.toml:23:11: advance of [input] does nothing without panel; add panel, the switch",
            "agent.toml:24:19: longest_panel_s of [input] is 30; it lies between 60 and 86400 s",
        ]
    );
    let groups = r#"[[group]]
name = "P"
kind = "pedestrian"
pins = { red = 1, amber = 2, green = 3, gren = 4 }
[[group]]
name = "N"
lanes = ["N"]
[[group]]
name = "E"
lanes = ["E"]
[[stage]]
name = "P"
groups = ["P"]
"#;
    expect(
        groups,
        &[
            "4:27: group \"P\" is a pedestrian head, which has no amber lamp; take amber out",
            "4:41: pins of group \"P\" has no key \"gren\"; did you mean \"green\"?",
        ],
    );
}

#[test]
fn walk_clearance_and_button_belong_to_pedestrian_heads() {
    let groups = r#"[[group]]
name = "N"
lanes = ["N"]
clearance_s = 9
button = 2
[[group]]
name = "E"
lanes = ["E"]
[[group]]
name = "P"
kind = "pedestrian"
walk_s = 2
clearance_s = 90.5
button = 2
[[stage]]
name = "P"
groups = ["P"]
"#;
    expect(
        groups,
        &[
            "1:1: group \"N\" has clearance_s, which only a pedestrian group has; take it out, or set kind = \"pedestrian\"",
            "1:1: group \"N\" has button, which only a pedestrian group has; take it out, or set kind = \"pedestrian\"",
            "12:10: walk_s of group \"P\" is 2 s; it lies between 4 s and 60 s",
            "13:15: clearance_s of group \"P\" is 90.5 s; it lies between 1 s and 60 s",
            "14:10: pin 2 is both button of \"N\" and button of \"P\"; each needs its own",
        ],
    );
}

#[test]
fn readers_have_their_own_names_and_ports() {
    let text = r#"[[reader]]
name = "a"
port = "/dev/ttyUSB0"
lanes = { default = "N" }
[[reader]]
name = "a"
port = "/dev/ttyUSB0"
baud = 57601
lanes = { default = "E:far" }
[[reader]]
port = "virtual"
"#;
    expect(
        text,
        &[
            "6:8: two readers are named \"a\"; names are unique",
            "7:8: port of reader \"a\" is \"/dev/ttyUSB0\", which is already that of reader \"a\"; each needs its own",
            "8:8: baud of reader \"a\" is 57601; serial ports have 4800, 9600, 19200, 38400, 57600, 115200, 230400, 460800, 500000, 921600",
            "9:21: lanes of reader \"a\" names the zone \"far\" of lane \"E\"; zones are stop_line and advance",
            "10:1: [[reader]] 3 watches no lane; add lanes, such as lanes = { \"1\" = \"N\", default = \"N\" }",
        ],
    );
}

#[test]
fn the_broker_section_never_shows_a_password() {
    expect(
        "[mqtt]\nurl = \"http://me:secret@broker\"\npassword_file = \"/nonexistent/password\"\n",
        &[
            "2:7: url of [mqtt] is \"http://***@broker\", which does not begin with mqtt:// or mqtts://; write it as \"mqtt://host:1883\" or \"mqtts://host:8883\"",
            "3:17: password_file of [mqtt], /nonexistent/password, gives no password: No such file or directory (os error 2); write the password into it, readable for the user flextraff",
        ],
    );
    expect("[mqtt]\n", &["1:1: [mqtt] has no url; add url = \"mqtts://broker.example.org:8883\""]);
    expect(
        "[mqtt]\nurl = \"mqtt://broker\"\nca_file = \"/ca.pem\"\ncert_file = \"cert.pem\"\n",
        &[
            "3:11: certificates of [mqtt] need an encrypted connection; write mqtts:// in url, or take them out",
            "4:13: cert_file of [mqtt] is \"cert.pem\"; it is a path from the root, such as \"/var/lib/flextraff\"",
        ],
    );
}

#[test]
fn links_and_fallback_name_what_exists() {
    expect(
        "[[link]]\njunction = \"11111111-1111-4111-8111-111111111111\"\ndirection = \"too\"\nlanes = [\"N\", \"N\"]\ndistance_m = -1\n[[link]]\n",
        &[
            "2:12: [[link]] 1 names this junction itself; name the neighbour",
            "3:13: direction of [[link]] 1 is \"too\"; did you mean \"to\"? \"from\", \"to\" are possible",
            "4:15: [[link]] 1 names the lane \"N\" twice",
            "5:14: distance_m of [[link]] 1 is -1; it lies between 0 and 50000 metres",
            "6:1: [[link]] 2 has no junction; add junction = \"123e4567-e89b-42d3-a456-426614174000\"",
            "6:1: [[link]] 2 has no direction; add direction = \"from\" or \"to\"",
            "6:1: [[link]] 2 has no lanes; add lanes = [\"N\"], the own lanes that they arrive on or leave from",
            "6:1: [[link]] 2 has no distance_m; add distance_m = the metres from stop line to stop line",
        ],
    );
    expect(
        "[[fallback]]\ndays = [\"mon\", \"monday\"]\nfrom = \"24:00\"\nto = \"9:30\"\ngreens = { \"N\" = 0, \"S\" = 20, \"E\" = \"x\" }\n",
        &[
            "2:16: days of [[fallback]] 1 has \"monday\"; days are mon, tue, wed, thu, fri, sat, sun",
            "3:8: from of [[fallback]] 1 is \"24:00\"; it is a time from \"00:00\" to \"23:59\"",
            "4:6: to of [[fallback]] 1 is \"9:30\"; it is a time from \"00:00\" to \"24:00\"",
            "5:18: stage \"N\" cannot be left out; give it a green, or set skip = true in its [[stage]]",
            "5:21: greens of [[fallback]] 1 names the stage \"S\", which does not exist; there are N, E",
            "5:37: greens of [[fallback]] 1 for \"E\" is no number of seconds from 0 to 600",
        ],
    );
}

#[test]
fn brackets_are_explained() {
    expect("[[signal]]\n", &["1:1: [signal] is a list, not a table; write it once, in single brackets"]);
    expect("[reader]\nname = \"a\"\n", &["1:1: reader is a table; write [[reader]], in double brackets"]);
}

#[test]
fn the_time_zone_is_one_of_the_database() {
    let text = HEAD.replace("[device]", "time_zone = \"Asia/Kolkatta\"\n[device]");
    assert_eq!(
        errors_of(&text),
        ["agent.toml:3:13: there is no time zone \"Asia/Kolkatta\"; did you mean \"Asia/Kolkata\"?"]
    );
}

#[test]
fn what_belongs_to_another_driver_is_named_and_every_pin_has_one_use() {
    let more = r#"[output]
driver = "rppal"
chip = "gpiochip0"
socket = "/run/lamps.sock"
enable_pin = 1
identify_pin = 4
feedback_active = "hi"
[[group]]
name = "N"
lanes = ["N"]
pins = { red = 1, amber = 2, green = 3 }
feedback = { red = 3, amber = 28 }
[[group]]
name = "E"
lanes = ["E"]
pins = { red = 4, amber = 5, green = 6 }
"#;
    let errors = errors_of(&format!("{HEAD}{more}"));
    let says = |what: &str| errors.iter().any(|error| error.contains(what));
    assert!(says("chip is only for driver = \"gpiochip\", not for \"rppal\"; take it out"), "{errors:#?}");
    assert!(says("socket is only for driver = \"virtual\", not for \"rppal\"; take it out"));
    assert!(says("pin 1 is both red of \"N\" and enable_pin of [output]; each needs its own"));
    assert!(says("pin 4 is both red of \"E\" and identify_pin of [output]; each needs its own"));
    assert!(says("pin 3 is both green of \"N\" and feedback of red of \"N\"; each needs its own"));
    assert!(says("is 28; it lies between 0 and 27 (a BCM number)"));
    assert!(says("did you mean \"high\"?") || says("\"high\", \"low\" are possible"));
    assert_eq!(errors.len(), 7, "{errors:#?}");

    let more = r#"[output]
driver = "gpiochip"
chip = "pinctrl-other"
feedback_active = "low"
[[group]]
name = "N"
lanes = ["N"]
pins = { red = 101, amber = 102, green = 103 }
feedback = { red = 104, green = 105 }
[[group]]
name = "E"
lanes = ["E"]
pins = { red = 4, amber = 5, green = 6 }
"#;
    let config = parse(Path::new("agent.toml"), &format!("{HEAD}{more}")).expect("it is right");
    assert_eq!(config.output.chip.as_deref(), Some("pinctrl-other"));
    assert_eq!((config.output.feedback[0].green, config.output.feedback[1].red), (Some(105), None));
    assert!(!config.output.feedback_active_high && config.output.active_high);
    let again = parse(Path::new("agent.toml"), &config.to_toml().unwrap()).expect("it loads again");
    assert_eq!(again.output, config.output);
}

#[test]
fn a_reader_that_names_no_antenna_has_a_default_lane() {
    let reader = |more: &str| format!("[[reader]]\nname = \"north\"\nport = \"/dev/ttyUSB7\"\n{more}");
    for protocol in ["m100", "ascii", "cc"] {
        expect(
            &reader(&format!("protocol = \"{protocol}\"\nlanes = {{ \"1\" = \"N\" }}\n")),
            &[&format!(
                "5:9: lanes of reader \"north\" has no default, but frames of protocol \"{protocol}\" name no antenna, so none of its reads would count; add the lane, such as default = \"N\""
            )],
        );
        expect(
            &reader(&format!("protocol = \"{protocol}\"\nlanes = {{ \"1\" = \"N\", default = \"N\" }}\n")),
            &[],
        );
    }
    for protocol in ["uhfreader", "cf", "thingmagic", "a0", "auto"] {
        expect(&reader(&format!("protocol = \"{protocol}\"\nlanes = {{ \"1\" = \"N\" }}\n")), &[]);
    }
}

#[test]
fn a_region_is_one_that_the_readers_have_and_a_port_one_that_can_be_opened() {
    let reader = |rest: &str| format!("[[reader]]\nname = \"north\"\nlanes = {{ default = \"N\" }}\n{rest}");
    expect(
        &reader(
            "protocol = \"auto\"\nport = \"tcp://reader.example:2022\"\nregion = \"IN\"\nmode = \"listen\"\n",
        ),
        &[],
    );
    expect(
        &reader("region = \"India\"\nport = \"tcp://reader.example\"\nsilence_s = 5\n"),
        &[
            "4:10: region of reader \"north\" is \"India\"; \"IN\", \"EU\", \"US\", \"CN\" are possible",
            "5:8: port of reader \"north\" is \"tcp://reader.example\"; it is a device file such as \"/dev/serial/by-path/…\", \"tcp://host:port\", or \"virtual\" for none",
            "6:13: silence_s of reader \"north\" is 5; it lies between 40 and 3600 s",
        ],
    );
    expect(
        &reader("protocol = \"uhfreader\"\nregion = \"CN\"\n"),
        &[
            "5:10: region of reader \"north\" is \"CN\", to which readers of protocol \"uhfreader\" cannot be set; \"IN\", \"EU\", \"US\" are possible",
        ],
    );
    expect(
        &reader("protocol = \"cf\"\nregion = \"IN\"\n"),
        &[
            "5:10: region of reader \"north\" is \"IN\", to which readers of protocol \"cf\" cannot be set; set it with the vendor's tool and leave the key out",
        ],
    );
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let errors = load(Path::new("/nonexistent/agent.toml")).expect_err("there is no such file");
    assert_eq!(
        errors.to_string(),
        "/nonexistent/agent.toml: the configuration cannot be read (No such file or directory (os error 2)); write it, or name another file with --config"
    );
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), b"[junction]\nname = \"\xff\"\n").unwrap();
    let errors = load(file.path()).expect_err("it is no UTF-8");
    assert!(errors.to_string().ends_with(": line 2 is no UTF-8; save the file in that encoding"), "{errors}");
}
