//! When rows were made whose machine has no synchronised clock.

use super::WINDOW_MS;
use flextraff_common::ids::BootId;
use flextraff_common::time::{MonoMs, UnixMs};
use flextraff_common::wire::Delivery;
use std::collections::BTreeMap;

/// By less than this nothing is moved, milliseconds: rows take different times on their way.
const NEGLIGIBLE_MS: i64 = 1000;

/// The uptimes of such machines, by their monotonic clocks. The newest row of one was made at the moment at which it came, as far as anybody can
/// tell, and all others so long before as that clock says: a backlog stays old, whatever the wall clock says.
#[derive(Clone, Debug, Default)]
pub(super) struct Uptimes(BTreeMap<BootId, Uptime>);

#[derive(Clone, Copy, Debug)]
struct Uptime {
    newest: MonoMs,
    came: UnixMs,
    /// From the monotonic clock to Unix time, milliseconds.
    offset_ms: i64,
}

impl Uptimes {
    /// When a row was made that comes at `now`, and by how much all before it of that uptime were told wrong, milliseconds.
    pub(super) fn place(&mut self, delivery: &Delivery, now: UnixMs) -> (UnixMs, i64) {
        let mono = delivery.mono_ms;
        let of_now = now.0.saturating_sub(mono.0);
        let fresh = Uptime { newest: mono, came: now, offset_ms: of_now };
        let uptime = self.0.entry(delivery.boot_id).or_insert(fresh);
        let mut wrong_ms = 0;
        if mono > uptime.newest {
            (uptime.newest, uptime.came) = (mono, now);
            let off_ms = of_now.saturating_sub(uptime.offset_ms);
            if off_ms.saturating_abs() >= NEGLIGIBLE_MS {
                (uptime.offset_ms, wrong_ms) = (of_now, off_ms);
            }
        }
        (UnixMs(mono.0.saturating_add(uptime.offset_ms)).min(now), wrong_ms)
    }

    /// Forgets those of which nothing that came counts any more.
    pub(super) fn expire(&mut self, now: UnixMs) {
        self.0.retain(|_, uptime| now.since(uptime.came) < WINDOW_MS);
    }
}
