//! The lamp test: each lamp of each head in turn, a second each, and what the feedback says of them; pure.

use crate::interlock::HeadSeen;
use flextraff_common::junction::{GroupKind, Junction};
use flextraff_common::time::MonoMs;
use flextraff_common::wire::Aspect;
use std::collections::BTreeSet;

/// How long each lamp is lit, milliseconds.
const LAMP_MS: i64 = 1000;

/// A lamp test that runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LampTest {
    began: MonoMs,
    groups: usize,
    /// Head and what it shows, in order.
    steps: Vec<(usize, Aspect)>,
    /// Lamps that did not light, or lit beside another: step, head, colour.
    wrong: BTreeSet<(usize, usize, &'static str)>,
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
        Self { began: now, groups: junction.groups().len(), steps: steps.collect(), wrong: BTreeSet::new() }
    }

    /// How many lamps it lights, which is how many seconds it takes.
    pub fn lamps(&self) -> usize {
        self.steps.len()
    }

    fn step(&self, at: MonoMs) -> Option<(usize, usize, Aspect)> {
        let step = usize::try_from(at.since(self.began).div_euclid(LAMP_MS)).ok()?;
        self.steps.get(step).map(|(head, aspect)| (step, *head, *aspect))
    }

    /// Takes what the lamps show: a lamp has half a second to light up or to go dark.
    pub fn look(&mut self, seen: &[HeadSeen], at: MonoMs) {
        let Some((step, head, aspect)) = self.step(at) else { return };
        if at.since(self.began).rem_euclid(LAMP_MS) < LAMP_MS / 2 {
            return;
        }
        for (of, seen) in seen.iter().enumerate() {
            let each = [
                ("red", seen.red, Aspect::Red),
                ("amber", seen.amber, Aspect::Amber),
                ("green", seen.green, Aspect::Green),
            ];
            for (colour, lit, shows) in each {
                if lit.is_some_and(|lit| lit != (of == head && shows == aspect)) {
                    self.wrong.insert((step, of, colour));
                }
            }
        }
    }

    /// What the feedback has found, as sentences; `groups` names the heads.
    pub fn found(&self, groups: &[String]) -> Vec<String> {
        let name = |head: usize| groups.get(head).map_or("?", String::as_str);
        let sentence = |(step, of, colour): &(usize, usize, &'static str)| {
            let (head, aspect) = self.steps.get(*step)?;
            let meant = match aspect {
                Aspect::Amber => "amber",
                Aspect::Green => "green",
                _ => "red",
            };
            Some(if (of, *colour) == (head, meant) {
                format!("the {colour} lamp of group \"{}\" did not light", name(*of))
            } else {
                format!(
                    "the {colour} lamp of group \"{}\" was lit beside the {meant} one of \"{}\"",
                    name(*of),
                    name(*head)
                )
            })
        };
        self.wrong.iter().filter_map(sentence).collect()
    }

    /// What is lit at a moment: one lamp, all others dark; nothing when it is over.
    pub fn shows(&self, now: MonoMs) -> Option<Vec<Aspect>> {
        let (_, head, aspect) = self.step(now)?;
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

    #[test]
    fn what_the_feedback_finds_is_named() {
        let junction = build(&overlapping_spec());
        let names: Vec<String> = junction.groups().iter().map(|group| group.name.clone()).collect();
        let mut test = LampTest::new(&junction, MonoMs(0));
        for ms in (0..15_000).step_by(50) {
            let lamps = test.shows(MonoMs(ms)).unwrap_or_default();
            let mut seen: Vec<HeadSeen> = lamps
                .iter()
                .map(|aspect| {
                    let lit = |colour| Some(*aspect == colour);
                    HeadSeen { red: lit(Aspect::Red), amber: lit(Aspect::Amber), green: lit(Aspect::Green) }
                })
                .collect();
            if let [first, second, third, ..] = &mut seen[..] {
                // One lamp is out, one hangs on another, and one nobody watches.
                first.amber = Some(false);
                second.green = Some(second.red == Some(true) || second.green == Some(true));
                (third.red, third.amber, third.green) = (None, None, None);
            }
            // What goes dark does so a little later.
            if ms % 1000 >= 200 {
                test.look(&seen, MonoMs(ms));
            }
        }
        let [first, second, ..] = &names[..] else { panic!("it has five groups") };
        assert_eq!(
            test.found(&names),
            [
                format!("the amber lamp of group \"{first}\" did not light"),
                format!("the green lamp of group \"{second}\" was lit beside the red one of \"{second}\""),
            ]
        );
    }
}
