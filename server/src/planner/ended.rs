//! Overrides that were ended before their time, and that a device which missed it may still follow.

use flextraff_common::time::UnixMs;
use flextraff_common::wire::Mode;

/// Until when that is so, by mode: a device holds one plan of each. A device that was away, and a broker that was, miss the message that ends an
/// override, and the device follows it until its time is over, unless it is told again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ended {
    manual: Option<UnixMs>,
    emergency: Option<UnixMs>,
}

impl Ended {
    /// An override of that mode was ended, or another one took its place, that would have held until then.
    pub fn note(&mut self, mode: Mode, until: UnixMs) {
        let of_mode = match mode {
            Mode::Automatic => return,
            Mode::ManualOverride => &mut self.manual,
            Mode::Emergency => &mut self.emergency,
        };
        *of_mode = (*of_mode).max(Some(until));
    }

    /// Takes over what another one knows.
    pub(super) fn merge(&mut self, other: Self) {
        self.manual = self.manual.max(other.manual);
        self.emergency = self.emergency.max(other.emergency);
    }

    /// Whether a device may follow one at `now`. `runs`: the mode of the override that runs, which takes the place of those of its own mode when it
    /// is sent.
    pub(super) fn lingers(&self, runs: Option<Mode>, now: UnixMs) -> bool {
        let follows = |(mode, until): (Mode, Option<UnixMs>)| {
            runs != Some(mode) && until.is_some_and(|until| until > now)
        };
        [(Mode::ManualOverride, self.manual), (Mode::Emergency, self.emergency)].into_iter().any(follows)
    }
}
