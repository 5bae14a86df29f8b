//! The lamp test: each lamp of each head in turn, a second each; pure.

use flextraff_common::junction::{GroupKind, Junction};
use flextraff_common::time::MonoMs;
use flextraff_common::wire::Aspect;

/// How long each lamp is lit, milliseconds.
const LAMP_MS: i64 = 1000;

/// A lamp test that runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LampTest {
    began: MonoMs,
    groups: usize,
    /// Head and what it shows, in order.
    steps: Vec<(usize, Aspect)>,
}

impl LampTest {
    /// Begins now: red, amber and green of the first head, then of the next.
    pub fn new(junction: &Junction, now: MonoMs) -> Self {
        let steps = junction.groups().iter().enumerate().flat_map(|(head, group)| {
            let colours: &[Aspect] = match group.kind {
                GroupKind::Pedestrian => &[Aspect::Red, Aspect::Green],
                GroupKind::Vehicle | GroupKind::Arrow => &[Aspect::Red, Aspect::Amber, Aspect::Green],
            };
            colours.iter().map(move |colour| (head, *colour))
        });
        Self { began: now, groups: junction.groups().len(), steps: steps.collect() }
    }

    /// How many lamps it lights, which is how many seconds it takes.
    pub fn lamps(&self) -> usize {
        self.steps.len()
    }

    /// What is lit at a moment: one lamp, all others dark; nothing when it is over.
    pub fn shows(&self, now: MonoMs) -> Option<Vec<Aspect>> {
        let step = usize::try_from(now.since(self.began).div_euclid(LAMP_MS)).ok()?;
        let (head, aspect) = *self.steps.get(step)?;
        let mut lamps = vec![Aspect::Dark; self.groups];
        *lamps.get_mut(head)? = aspect;
        Some(lamps)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::tests::{build, overlapping_spec};

    #[test]
    fn every_lamp_is_lit_for_a_second_and_alone() {
        let junction = build(&overlapping_spec());
        let test = LampTest::new(&junction, MonoMs(700));
        assert_eq!(test.lamps(), 4 * 3 + 2, "a pedestrian head has no amber lamp");
        let mut lit = Vec::new();
        for ms in (700..16_000).step_by(50) {
            let Some(lamps) = test.shows(MonoMs(ms)) else { break };
            let on: Vec<(usize, Aspect)> =
                lamps.into_iter().enumerate().filter(|(_, aspect)| *aspect != Aspect::Dark).collect();
            assert_eq!(on.len(), 1);
            lit.push(on[0]);
        }
        assert_eq!(lit.len(), 14 * 20);
        lit.dedup();
        assert_eq!(lit.len(), 14);
        assert_eq!(lit[..3], [(0, Aspect::Red), (0, Aspect::Amber), (0, Aspect::Green)]);
        assert_eq!(lit[12..], [(4, Aspect::Red), (4, Aspect::Green)]);
        assert_eq!(test.shows(MonoMs(699)), None);
    }
}
