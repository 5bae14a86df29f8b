//! The lamps of a head as the interlock sees them: what an aspect may light, and what the lamps show beside what was written.

use super::{Trip, word};
use flextraff_common::time::MonoMs;
use flextraff_common::wire::Aspect;

/// Lamps of one head, lit or not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HeadLamps {
    /// Red lamp.
    pub red: bool,
    /// Amber lamp.
    pub amber: bool,
    /// Green lamp.
    pub green: bool,
}

/// What is known of the lamps of a head from outside; none: nobody tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HeadSeen {
    /// Red lamp.
    pub red: Option<bool>,
    /// Amber lamp.
    pub amber: Option<bool>,
    /// Green lamp.
    pub green: Option<bool>,
}

/// How long a lamp may be lit that was not written, milliseconds: it may conflict with others, or be a second colour on its head. Conflict monitors
/// trip not before 200 ms and surely at 450 ms.
const FALSE_LAMP_MS: i64 = 300;

/// How long a lamp may be dark that was written, milliseconds. Conflict monitors trip on a dark face not before 700 ms and surely at 1000 ms.
const DARK_LAMP_MS: i64 = 800;

/// Most that counts between two looks, milliseconds: nobody knows what was between two that are far apart.
const LONGEST_LOOK_MS: i64 = 100;

/// Whether a head may be lit like this for an aspect; a flashing one may also be dark.
pub(super) fn fits(aspect: Aspect, lit: HeadLamps) -> bool {
    let HeadLamps { red, amber, green } = lit;
    match aspect {
        Aspect::Green => green && !red && !amber,
        Aspect::Amber => amber && !red && !green,
        Aspect::Red => red && !amber && !green,
        Aspect::RedAmber => red && amber && !green,
        Aspect::FlashRed => !amber && !green,
        Aspect::FlashAmber => !red && !green,
        Aspect::Dark => !red && !amber && !green,
    }
}

/// Compares what was written with what is seen, look by look.
#[derive(Debug, Default)]
#[cfg_attr(test, derive(Clone))]
pub(super) struct Watch {
    last: Option<MonoMs>,
    heads: Vec<[Lamp; 3]>,
}

/// For how long a lamp has been wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Lamp {
    /// Lit though it was not written, or dark though it was.
    wrongly_lit: Option<bool>,
    for_ms: i64,
}

impl Watch {
    /// Takes a look; the first lamp that has been wrong for too long, as place of its head, colour and whether it is wrongly lit.
    pub(super) fn look(
        &mut self,
        written: &[HeadLamps],
        seen: &[HeadSeen],
        now: MonoMs,
    ) -> Option<(usize, &'static str, bool, i64)> {
        let since_ms = self.last.map_or(0, |last| now.since(last).clamp(0, LONGEST_LOOK_MS));
        self.last = Some(now);
        self.heads.resize(written.len(), [Lamp::default(); 3]);
        let mut worst = None;
        for (head, (lamps, (written, seen))) in
            self.heads.iter_mut().zip(written.iter().zip(seen)).enumerate()
        {
            let each = [
                ("red", written.red, seen.red),
                ("amber", written.amber, seen.amber),
                ("green", written.green, seen.green),
            ];
            for (lamp, (colour, written, seen)) in lamps.iter_mut().zip(each) {
                let wrongly_lit = seen.filter(|seen| *seen != written);
                let for_ms = if wrongly_lit.is_some() && lamp.wrongly_lit == wrongly_lit {
                    lamp.for_ms + since_ms
                } else {
                    0
                };
                *lamp = Lamp { wrongly_lit, for_ms };
                let is_lit = wrongly_lit == Some(true);
                if wrongly_lit.is_some() && for_ms >= if is_lit { FALSE_LAMP_MS } else { DARK_LAMP_MS } {
                    worst.get_or_insert((head, colour, is_lit, for_ms));
                }
            }
        }
        worst
    }

    /// Forgets what was wrong, such as after something else has driven the lamps.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }
}

/// The trip for a head that was to be lit as its aspect does not allow.
pub(super) fn misfit(group: &str, aspect: Aspect, lit: HeadLamps) -> Trip {
    let each = [("red", lit.red), ("amber", lit.amber), ("green", lit.green)];
    let lamps: Vec<&str> = each.into_iter().filter(|(_, lit)| *lit).map(|(colour, _)| colour).collect();
    let lamps = if lamps.is_empty() { "no lamp".to_owned() } else { lamps.join(" and ") };
    Trip::Lit { group: group.to_owned(), lamps, aspect: word(aspect) }
}
