//! What the interlock goes by, as a key: two interlocks of one junction with the same key answer alike from here on.

use super::{Head, Interlock};
use crate::signal::tests::model::Key;
use flextraff_common::wire::Aspect;

impl Interlock {
    pub(crate) fn project(&self, key: &mut Key) {
        // A new field belongs into the key, or there is a reason why not.
        let Self {
            heads,
            intergreen_ms,
            amber_ms,
            least_amber_ms,
            fault: _,
            latched,
            longest_still_ms: _,
            changed: _, // trips after a minute and more without a change, longer than anything in the model
            watch: _,   // looks at what is fed back, which the model has not
            real_lamps: _,
            late: _, // says what was, and the model's lamps are not real
        } = self;
        key.flag(latched.is_some());
        if latched.is_some() {
            return;
        }
        for (from, head) in heads.iter().enumerate() {
            let Head { name: _, pedestrian: _, shows, since, green_ended, amber_ended, always_served: _ } =
                head;
            key.word(shows.map_or(0, |aspect| 1 + aspect as i64));
            // Only for an amber it plays a part how long it has been shown, until it has been long enough.
            key.age(Some(*since).filter(|_| *shows == Some(Aspect::Amber)), *least_amber_ms);
            let longest = intergreen_ms[from].iter().flatten().copied().max().unwrap_or(0);
            key.age(*green_ended, longest);
            key.age(*amber_ended, (longest - amber_ms).max(0));
        }
    }
}
