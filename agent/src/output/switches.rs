//! The switches and contacts in the cabinet; pure.

use flextraff_common::time::MonoMs;

/// For how long a level must stay before it counts, milliseconds: contacts bounce for some 10, and wires beside lamps catch spikes.
const SETTLE_MS: i64 = 100;

/// Which switches are on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Switches {
    /// The panel is switched on.
    pub panel: bool,
    /// The panel's push button is pressed.
    pub advance: bool,
    /// The flash switch is on.
    pub flash: bool,
    /// The door is open.
    pub door: bool,
}

/// Takes what switches show at each look and says what they are.
///
/// Before the first look all are off, so that one that is on at the start is a change.
#[derive(Clone, Copy, Debug, Default)]
pub struct Debouncer {
    settled: Switches,
    /// Since when each differs from what it was, in the order of the fields.
    differs: [Option<MonoMs>; 4],
}

impl Debouncer {
    /// What the switches are.
    pub fn settled(&self) -> Switches {
        self.settled
    }

    /// Takes a look; what the switches were before it, if that changes.
    pub fn handle(&mut self, seen: Switches, now: MonoMs) -> Option<Switches> {
        let before = self.settled;
        let Switches { panel, advance, flash, door } = &mut self.settled;
        let pairs = [(panel, seen.panel), (advance, seen.advance), (flash, seen.flash), (door, seen.door)];
        for ((settled, seen), differs) in pairs.into_iter().zip(&mut self.differs) {
            if *settled == seen {
                *differs = None;
            } else if now.since(*differs.get_or_insert(now)) >= SETTLE_MS {
                (*settled, *differs) = (seen, None);
            }
        }
        (self.settled != before).then_some(before)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What each look of 50 ms changes to, for a panel that shows these levels.
    fn changes(levels: &str) -> Vec<(i64, bool)> {
        let mut debouncer = Debouncer::default();
        let looks = (0..).step_by(50).zip(levels.chars());
        looks
            .filter_map(|(at, level)| {
                let seen = Switches { panel: level == '1', ..Switches::default() };
                debouncer.handle(seen, MonoMs(at)).map(|_| (at, debouncer.settled().panel))
            })
            .collect()
    }

    #[test]
    fn a_level_counts_once_it_has_stayed() {
        assert_eq!(changes("0011111"), [(200, true)]);
        assert_eq!(changes("11110000"), [(100, true), (300, false)]);
    }

    #[test]
    fn what_bounces_or_is_a_spike_does_not_count() {
        assert_eq!(changes("0110110100"), []);
        assert_eq!(changes("1101111"), [(250, true)], "it counts from the last bounce on");
        assert_eq!(changes("1111001101111"), [(100, true)]);
    }

    #[test]
    fn each_switch_is_for_itself() {
        let mut debouncer = Debouncer::default();
        let door = Switches { door: true, ..Switches::default() };
        let both = Switches { flash: true, ..door };
        assert_eq!(debouncer.handle(door, MonoMs(0)), None);
        assert_eq!(debouncer.handle(both, MonoMs(50)), None);
        assert_eq!(debouncer.handle(both, MonoMs(100)), Some(Switches::default()));
        assert_eq!(debouncer.settled(), door);
        assert_eq!(debouncer.handle(both, MonoMs(150)), Some(door));
        assert_eq!(debouncer.settled(), both);
    }
}
