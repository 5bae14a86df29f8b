//! What all messages share: the version, the delivery fields of those that come out of an outbox, and decoding with limits.

use super::MAX_PAYLOAD;
use crate::ids::{BootId, DeviceId, OutboxId, Seq};
use crate::time::{ClockState, MonoMs};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// The version of the wire format that this build speaks.
pub const VERSION: u32 = 1;

/// Which row of which outbox a message is, and when it was made on the sender's own clock.
///
/// `(device_id, outbox_id, seq)` is the key under which the server stores a row exactly once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// The sender.
    pub device_id: DeviceId,
    /// The sender's outbox.
    pub outbox_id: OutboxId,
    /// Row number in it.
    pub seq: Seq,
    /// The uptime in which the row was made.
    pub boot_id: BootId,
    /// Monotonic time at which the row was made, of that uptime.
    pub mono_ms: MonoMs,
    /// Whether wall times in the message come from a synchronised clock.
    pub clock: ClockState,
}

/// Why a payload is no message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// Larger than any message may be.
    #[error("{bytes} bytes are too many; a payload has at most {MAX_PAYLOAD}")]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
    /// No JSON, or not the fields of this message.
    #[error("{reason}")]
    Malformed {
        /// What the parser says, with line and column.
        reason: String,
    },
    /// From a newer sender.
    #[error("version {version} is newer than {VERSION}, which this program speaks; update it")]
    Version {
        /// The sender's version.
        version: u32,
    },
}

#[derive(Deserialize)]
struct Versioned {
    #[serde(default = "first")]
    v: u32,
}

const fn first() -> u32 {
    VERSION
}

/// Reads a message: at most [`MAX_PAYLOAD`] bytes of JSON, of a version not above [`VERSION`].
///
/// # Errors
/// Says what is wrong; never panics on any bytes.
pub fn decode<T: DeserializeOwned>(payload: &[u8]) -> Result<T, WireError> {
    if payload.len() > MAX_PAYLOAD {
        return Err(WireError::TooLarge { bytes: payload.len() });
    }
    let malformed = |error: serde_json::Error| WireError::Malformed { reason: error.to_string() };
    let Versioned { v } = serde_json::from_slice(payload).map_err(malformed)?;
    if v > VERSION {
        return Err(WireError::Version { version: v });
    }
    serde_json::from_slice(payload).map_err(malformed)
}

#[derive(Serialize)]
struct Envelope<'a, T> {
    v: u32,
    #[serde(flatten)]
    message: &'a T,
}

/// Writes a message with its version in front.
///
/// # Panics
/// Never for the messages of this module: all their map keys are strings.
pub fn encode<T: Serialize>(message: &T) -> String {
    serde_json::to_string(&Envelope { v: VERSION, message }).expect("messages serialise to JSON")
}
