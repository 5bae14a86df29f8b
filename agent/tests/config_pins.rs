//! Pins that light a lamp before the agent drives them, or belong to something else, are named.

#[path = "support/example.rs"]
mod example;
#[path = "support/site.rs"]
mod site;

use flextraff_agent::config::{Config, Doubt, parse};
use site::TWO_LANES;
use std::path::Path;
use std::process::Command;

fn config(active: &str, red: u8, more: &str) -> Config {
    let text = text(active, red, more);
    parse(Path::new("agent.toml"), &text).unwrap_or_else(|errors| panic!("{errors}"))
}

fn text(active: &str, red: u8, more: &str) -> String {
    let [first, second] =
        if active == "high" { [[red, 23, 24], [20, 21, 22]] } else { [[red, 3, 4], [5, 6, 7]] };
    let mut text = TWO_LANES.to_owned();
    for (lane, [red, amber, green]) in [("N", first), ("E", second)] {
        let named = format!("name = \"{lane}\"\n");
        let pins = format!("{named}pins = {{ red = {red}, amber = {amber}, green = {green} }}\n");
        // The lane's name comes before that of its stage.
        text = text.replacen(&named, &pins, 1);
    }
    format!("{text}[output]\ndriver = \"rppal\"\nactive = \"{active}\"\n{more}")
}

fn messages(doubts: &[Doubt]) -> Vec<&str> {
    doubts.iter().map(|doubt| doubt.message.as_str()).collect()
}

#[test]
fn a_lamp_that_its_pin_lights_at_power_on_is_named() {
    for (active, wrong, right, pulled) in [("high", [2, 8], [9, 27], "up"), ("low", [9, 27], [2, 8], "down")]
    {
        for pin in wrong {
            let doubts = config(active, pin, "").pin_doubts();
            let message = format!(
                "until the agent drives their pins, which are pulled {pulled} at power-on, these are lit: the red lamp of group \"N\" (pin {pin})"
            );
            assert_eq!(messages(&doubts), [message], "active = {active}");
        }
        for pin in right {
            assert_eq!(config(active, pin, "").pin_doubts(), [], "active = {active}, pin {pin}");
        }
    }
}

#[test]
fn pins_of_something_else_are_named_whatever_they_are_for() {
    let more = "enable_pin = 14\nidentify_pin = 0\n[input]\npanel = 1\nadvance = 15\n";
    let doubts = config("high", 9, more).pin_doubts();
    assert_eq!(
        messages(&doubts),
        [
            "pin 0, that of identify_pin of [output], belongs to the EEPROM of a HAT",
            "pin 1, that of panel of [input], belongs to the EEPROM of a HAT",
            "pin 14, that of enable_pin of [output], belongs to the UART, which drives it high during the boot",
            "pin 15, that of advance of [input], belongs to the UART",
        ]
    );
    let red = config("high", 14, "").pin_doubts();
    assert!(messages(&red)[0].starts_with("pin 14, that of the red lamp of group \"N\""), "{red:?}");
}

#[test]
fn the_example_with_all_its_lamps_raises_no_doubt() {
    let password = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(password.path(), "s3cret").unwrap();
    for (driver, more) in [("rppal", ""), ("gpiochip", example::CHIP)] {
        let text = example::with_every_key(password.path())
            .replace("driver = \"virtual\"", &format!("driver = \"{driver}\""))
            .replace("socket = \"/run/flextraff/lamps.sock\"", more);
        let config = parse(Path::new("agent.toml"), &text).unwrap_or_else(|errors| panic!("{errors}"));
        assert!(!config.output.pins.is_empty());
        assert_eq!(config.pin_doubts(), []);
    }
}

#[test]
fn a_chip_takes_no_more_lines_at_once_than_the_kernel_gives() {
    let heads = |count: u8| -> String {
        let lane = |n: u8| {
            format!(
                "[[lane]]\nid = \"33333333-3333-4333-8333-{n:012}\"\nname = \"L{n}\"\n[[stage]]\nname = \"L{n}\"\ngroups = [\"L{n}\", \"R{n}\"]\n[[compatible]]\na = \"L{n}\"\nb = \"R{n}\"\n"
            )
        };
        let pins =
            |first: u8| format!("pins = {{ red = {first}, amber = {}, green = {} }}\n", first + 1, first + 2);
        let group = |n: u8| {
            format!(
                "[[group]]\nname = \"L{n}\"\nlanes = [\"L{n}\"]\n{}[[group]]\nname = \"R{n}\"\nkind = \"arrow\"\nlanes = [\"L{n}\"]\n{}",
                pins(6 * n),
                pins(6 * n + 3)
            )
        };
        (0..count).map(|n| lane(n) + &group(n)).collect()
    };
    let begin = "[junction]\nid = \"11111111-1111-4111-8111-111111111111\"\nname = \"A\"\n[device]\nid = \"22222222-2222-4222-8222-222222222222\"\n[output]\ndriver = ";
    let said = |driver: &str, count: u8, more: &str| {
        let text = format!("{begin}\"{driver}\"\n{more}{}", heads(count));
        parse(Path::new("agent.toml"), &text).map_or_else(|errors| errors.to_string(), |_| String::new())
    };
    let many =
        "driver = \"gpiochip\" takes at most 64 outputs, and there are 66; split the signal over two agents";
    let said_of_66 = said("gpiochip", 11, "");
    assert!(said_of_66.contains(many), "{said_of_66}");
    let said_of_60 = said("gpiochip", 10, "");
    assert!(!said_of_60.contains("at most 64"), "{said_of_60}");
    let with_enable = said("gpiochip", 10, "enable_pin = 200\n");
    assert!(!with_enable.contains("at most 64"), "{with_enable}");
}

#[test]
fn check_warns_of_such_pins() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("agent.toml");
    let more = format!("[outbox]\npath = \"{}/outbox.sqlite\"\n", folder.path().display());
    std::fs::write(&file, text("high", 4, &more)).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_flextraff-agent"))
        .args(["check", "--config"])
        .arg(&file)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let warning = text.lines().find(|line| line.starts_with("Warning  gpio")).unwrap_or_default();
    assert!(warning.ends_with("these are lit: the red lamp of group \"N\" (pin 4)"), "{text}");
    assert!(text.contains("→ use pins 9 to 13 and 16 to 27 for lamps"), "{text}");
}

#[test]
fn a_start_up_without_flash_is_a_warning_where_lamps_are_real() {
    for (flash_s, told) in [(0, "without a flash"), (3, "with 3 s of flash"), (4, "")] {
        let more = format!("[signal]\nstartup_flash_s = {flash_s}\n");
        let doubts = config("high", 9, &more).signal_doubts();
        assert_eq!(doubts.len(), usize::from(!told.is_empty()), "{doubts:?}");
        assert!(
            doubts
                .iter()
                .all(|doubt| doubt.message.contains(told) && doubt.action.contains("startup_flash_s"))
        );
        let with_virtual = text("high", 9, &more).replace("rppal", "virtual");
        let config =
            parse(Path::new("agent.toml"), &with_virtual).unwrap_or_else(|errors| panic!("{errors}"));
        assert_eq!(config.signal_doubts(), []);
    }
}
