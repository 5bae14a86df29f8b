//! Typed identifiers. All are UUIDs but [`Seq`]; a lane's id can never be passed where a junction's is meant.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use uuid::Uuid;

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Ok(Self(Uuid::parse_str(text)?))
            }
        }

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }

        impl From<$name> for Uuid {
            fn from(id: $name) -> Self {
                id.0
            }
        }
    };
}

uuid_id! {
    /// A signal-controlled junction.
    JunctionId
}
uuid_id! {
    /// A lane of a junction, as the server and the agent's TOML name it.
    LaneId
}
uuid_id! {
    /// An agent: a Raspberry Pi in a cabinet.
    DeviceId
}
uuid_id! {
    /// Born with an agent's SQLite file; a new card means a new outbox, so that sequence numbers start afresh without doubt.
    OutboxId
}
uuid_id! {
    /// One uptime of a machine, as the Linux kernel names it; monotonic times compare only within one.
    BootId
}
uuid_id! {
    /// A person who signs in.
    UserId
}

/// Sequence number of an outbox row: starts at 1, one counter over all topics of an [`OutboxId`], never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Seq(pub u64);

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
