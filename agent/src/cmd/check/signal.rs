//! Whether real lamps leave everybody the time that he needs, where the rules of a junction leave the choice to whoever writes them.

use super::Finding;
use crate::config::{Config, Driver};
use flextraff_common::junction::{GroupIx, GroupKind, Junction};

/// Looks at the configuration only.
pub(super) fn check(config: &Config) -> Vec<Finding> {
    if config.output.driver == Driver::Virtual {
        return Vec::new();
    }
    let junction = &config.junction;
    let heads = junction.group_indexes().filter_map(|group| without_clearance(junction, group));
    let start = (junction.signal.startup_flash_s == 0).then(without_flash);
    let doubts: Vec<Finding> = heads.chain(start).collect();
    if doubts.is_empty() {
        return vec![Finding::ok(
            "signal",
            "pedestrians have a clearance, and a start is announced by flash",
        )];
    }
    doubts
}

/// A crossing whose pedestrians have only what vehicles have.
fn without_clearance(junction: &Junction, group: GroupIx) -> Option<Finding> {
    let head = junction.group(group);
    let conflicts = junction.conflicts_of(group);
    if head.kind != GroupKind::Pedestrian || head.clearance_ms > 0 || conflicts.is_empty() {
        return None;
    }
    let shortest_ms = conflicts.iter().map(|to| junction.intergreen_ms(group, to)).min().unwrap_or(0);
    let seconds = f64::from(shortest_ms) / 1000.0;
    Some(Finding::warning(
        "signal",
        format!(
            "the pedestrian head \"{}\" has no clearance_s: whoever steps off last has {seconds} s until somebody else may drive there",
            head.name
        ),
        "set clearance_s of its [[group]] to the length of the crossing in metres / 1.07, in seconds",
    ))
}

/// A start that shows no flash.
fn without_flash() -> Finding {
    Finding::warning(
        "signal",
        "startup_flash_s is 0: after a power cut heads that were dark go to red and green without a warning",
        "take startup_flash_s out of [signal], or set it to 6",
    )
}

#[cfg(test)]
mod tests {
    use super::super::Level;
    use super::*;
    use crate::config::parse;
    use std::path::Path;

    const CROSSING: &str = r#"
[junction]
id = "00000000-0000-4000-8000-000000000001"
name = "Test"
[device]
id = "00000000-0000-4000-8000-0000000000d1"
[[lane]]
id = "00000000-0000-4000-8000-000000000011"
name = "N"
[[group]]
name = "N"
lanes = ["N"]
PINS
[[group]]
name = "walk"
kind = "pedestrian"
CLEARANCE
WALKS
[[stage]]
name = "N"
groups = ["N"]
[[stage]]
name = "walk"
groups = ["walk"]
[signal]
startup_flash_s = FLASH
[output]
driver = "DRIVER"
"#;

    fn found(driver: &str, clearance: &str, flash: &str) -> Vec<Finding> {
        let (pins, walks) = if driver == "virtual" {
            ("", "")
        } else {
            ("pins = { red = 5, amber = 6, green = 13 }", "pins = { red = 19, green = 26 }")
        };
        let text = [
            ("PINS", pins),
            ("WALKS", walks),
            ("CLEARANCE", clearance),
            ("FLASH", flash),
            ("DRIVER", driver),
        ]
        .into_iter()
        .fold(CROSSING.to_owned(), |text, (mark, value)| text.replace(mark, value));
        check(&parse(Path::new("agent.toml"), &text).expect("the test's configuration is right"))
    }

    #[test]
    fn a_crossing_without_clearance_and_a_start_without_flash_are_warnings_with_real_lamps() {
        let right = found("rppal", "clearance_s = 10", "6");
        assert_eq!((right.len(), right[0].state), (1, Level::Ok), "{right:?}");
        let wrong = found("rppal", "", "0");
        assert!(wrong.iter().all(|finding| finding.state == Level::Warning), "{wrong:?}");
        let [head, start] = wrong.as_slice() else { panic!("{wrong:?}") };
        assert!(head.message.starts_with("the pedestrian head \"walk\" has no clearance_s"), "{head:?}");
        assert!(start.message.starts_with("startup_flash_s is 0"), "{start:?}");
        assert!(found("virtual", "", "0").is_empty(), "nobody stands at it");
    }
}
