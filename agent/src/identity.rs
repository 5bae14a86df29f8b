//! What names a vehicle from its read on: the EPC, or a pseudonym that takes its place before anything is stored, told or shown.
//!
//! With `privacy.epc = "pseudonym"` a vehicle is `p:<key_id>:<32 hex>`, the HMAC of its EPC under the city's key of the period. The EPC itself
//! stays in memory only, between a reader and [`Names::sight`]: neither outbox nor open passages, log, status, console or messages hold it.
//!
//! **Which key.** The one whose period has the wall clock in it; when none has, the one that served last goes on. While the clock has not
//! been synchronised in this uptime nobody can say, and the one that served last goes on as well; once it was, the monotonic clock says what day
//! it is, also without the time service. For 2 h after a change each vehicle also has its name under
//! the key before, so that what is in the zone, and journeys on the way, still match.
//!
//! **No key yet.** Never the EPC: the agent makes a random key of its own, named `local-…`, a new one every day. Who is named under such a key
//! can be followed at this device and nowhere else; the server knows it by the name. The first key of the city takes its place, with the usual
//! 2 h.
//!
//! **Kept.** Keys lie in a file of mode 0600 beside the outbox ([`store`]), so that a restart without a network goes on with them.

mod known_as;
mod names;
pub mod store;
#[cfg(test)]
mod tests;

pub use known_as::KnownAs;
pub use names::{Fresh, KeptKeys, Names};

use crate::reader::Read;
use flextraff_common::epc::{Epc, KeyedTag};
use std::sync::{Arc, PoisonError, RwLock};

/// A read whose vehicle has the name under which it goes on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sighting {
    /// The read; its `epc` is the name.
    pub read: Read,
    /// The name under the key before, for a while after a change of key.
    pub prev: Option<Epc>,
    /// Whether the EPC has the structure of a FASTag.
    pub fastag: bool,
    /// Where the name is a pseudonym: the tag under the key of the junction's watch-list, if that is known.
    pub keyed: Option<KeyedTag>,
}

/// A read that keeps its name.
impl From<&Read> for Sighting {
    fn from(read: &Read) -> Self {
        Self { read: *read, prev: None, fastag: read.epc.is_fastag(), keyed: None }
    }
}

/// The names as the threads of the readers and the main thread share them. The lamp loop has no part in it: what it gets has its name already.
#[derive(Clone, Debug)]
pub struct SharedNames(Arc<RwLock<Names>>);

impl SharedNames {
    /// Shares them.
    pub fn new(names: Names) -> Self {
        Self(Arc::new(RwLock::new(names)))
    }

    /// As [`Names::sight`].
    pub fn sight(&self, read: &Read) -> Sighting {
        self.0.read().unwrap_or_else(PoisonError::into_inner).sight(read)
    }

    /// As [`Names::name`].
    pub fn name(&self, epc: Epc) -> Epc {
        self.0.read().unwrap_or_else(PoisonError::into_inner).name(epc)
    }

    /// Changes them.
    pub fn update<T>(&self, change: impl FnOnce(&mut Names) -> T) -> T {
        change(&mut self.0.write().unwrap_or_else(PoisonError::into_inner))
    }
}
