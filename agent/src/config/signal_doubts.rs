//! What the rules of signals advise against, though the agent would do it.

use super::{Config, Doubt, Driver};
use flextraff_common::wire::DeviceType;

/// Shortest flash at start-up that conflict monitors have, seconds: "minimum flash 4 to 11 s".
const LEAST_FLASH_S: u32 = 4;

impl Config {
    /// What is doubtful about the signal; none with the virtual driver, and without lamps.
    pub fn signal_doubts(&self) -> Vec<Doubt> {
        let flash_s = self.junction.signal.startup_flash_s;
        let is_real = self.output.driver != Driver::Virtual && self.device_type != DeviceType::RfidCounter;
        if !is_real || flash_s >= LEAST_FLASH_S {
            return Vec::new();
        }
        let how =
            if flash_s == 0 { "without a flash".to_owned() } else { format!("with {flash_s} s of flash") };
        vec![Doubt {
            message: format!(
                "the signal starts {how}: after a power cut it shows red to those who drive through a dark junction, and nothing warns them"
            ),
            action: format!(
                "take startup_flash_s out of [signal], which makes it 6 s, or set it to {LEAST_FLASH_S} to 11"
            ),
        }]
    }
}
