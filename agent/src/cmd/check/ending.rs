//! Whether there is time to end a stage in order when the agent is told to end.

use super::Finding;
use crate::config::{Config, MOST_STOP_S};
use flextraff_common::wire::DeviceType;

/// Looks at the configuration only.
pub(super) fn check(config: &Config) -> Option<Finding> {
    if config.device_type == DeviceType::RfidCounter {
        return None;
    }
    let (given_s, needed_s) = (config.longest_stop_s(), config.junction.longest_end_s());
    Some(if given_s < needed_s {
        Finding::warning(
            "ending",
            format!(
                "the longest stage needs {needed_s} s to end, and the agent ends within {given_s} s: a restart may cut a green or a clearance short"
            ),
            action(needed_s),
        )
    } else {
        Finding::ok("ending", format!("at a restart each stage ends in order, within {needed_s} s"))
    })
}

/// What to do where the time is too short.
fn action(needed_s: u32) -> String {
    if needed_s <= MOST_STOP_S {
        return format!("take longest_stop_s out of [output], or set it to {needed_s}");
    }
    format!(
        "the agent waits {MOST_STOP_S} s at most: shorten min_green_s, walk_s or clearance_s, or restart while other stages run"
    )
}

#[cfg(test)]
mod tests {
    use super::super::Level;
    use super::*;
    use crate::config::sample::two_lanes;

    #[test]
    fn too_short_a_time_to_end_is_a_warning() {
        let with = |output: &str| {
            check(&two_lanes(&format!("type = \"light_controller\"\n{output}"))).expect("it drives lamps")
        };
        assert_eq!(with("").state, Level::Ok);
        assert_eq!(
            with("[output]\nlongest_stop_s = 17\n").state,
            Level::Ok,
            "5 s of change, 7 s of green, 5 s of clearance"
        );
        let short = with("[output]\nlongest_stop_s = 16\n");
        assert_eq!(short.state, Level::Warning);
        assert!(
            short.message.contains("needs 17 s to end, and the agent ends within 16 s"),
            "{}",
            short.message
        );
        assert_eq!(short.action.as_deref(), Some("take longest_stop_s out of [output], or set it to 17"));
        assert_eq!(with("[output]\nlongest_stop_s = 0\n").state, Level::Warning);
        assert!(action(MOST_STOP_S + 1).starts_with("the agent waits 120 s at most: shorten"));
    }
}
