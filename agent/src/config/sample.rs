//! A small junction for tests.

use super::{Config, parse};
use std::path::Path;
use std::sync::Arc;

/// Lanes N and E, a stage for each; the `[device]` table is open.
const TWO_LANES: &str = r#"
[junction]
id = "00000000-0000-4000-8000-000000000001"
name = "Test"
[[lane]]
id = "00000000-0000-4000-8000-000000000011"
name = "N"
[[lane]]
id = "00000000-0000-4000-8000-000000000012"
name = "E"
[[stage]]
name = "N"
lanes = ["N"]
[[stage]]
name = "E"
lanes = ["E"]
[device]
id = "00000000-0000-4000-8000-0000000000d1"
"#;

/// A junction of two lanes, N and E, each with a stage of its name, and what else a test needs of it: first what belongs to `[device]`.
pub(crate) fn two_lanes(rest: &str) -> Arc<Config> {
    let config = parse(Path::new("agent.toml"), &format!("{TWO_LANES}{rest}"));
    Arc::new(config.expect("the test's configuration is right"))
}
