//! Breadth first through every state, so that what is wrong is found by the shortest way to it.

use super::world::{Act, Site, World};
use std::collections::{HashSet, VecDeque};
use std::fmt::Write as _;

/// How much was seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Extent {
    pub(super) states: usize,
    pub(super) transitions: usize,
    /// The longest of the shortest ways to a state, in acts.
    pub(super) depth: usize,
    /// Sites with more states than were to be gone through: of these only the nearest were seen.
    pub(super) cut: usize,
}

impl Extent {
    pub(super) const fn add(&mut self, other: Self) {
        self.states += other.states;
        self.transitions += other.transitions;
        self.depth = if other.depth > self.depth { other.depth } else { self.depth };
        self.cut += other.cut;
    }
}

struct Way {
    before: usize,
    act: Option<Act>,
    depth: usize,
}

/// Goes through every state of a site, the nearest first and at most so many; `visit` sees each.
pub(super) fn explore(
    site: &Site,
    most: usize,
    mut visit: impl FnMut(&World) -> Result<(), String>,
) -> Result<Extent, String> {
    let first = World::new(site)?;
    let mut seen = HashSet::from([first.key(site).digest()]);
    let mut ways = vec![Way { before: 0, act: None, depth: 0 }];
    let mut queue = VecDeque::from([(0, first)]);
    let mut extent = Extent { states: 1, ..Extent::default() };
    while let Some((at, world)) = queue.pop_front() {
        visit(&world).map_err(|wrong| tell(site, &ways, at, None, &wrong))?;
        for act in world.acts(site) {
            let mut next = world.clone();
            next.step(site, act).map_err(|wrong| tell(site, &ways, at, Some(act), &wrong))?;
            extent.transitions += 1;
            if seen.insert(next.key(site).digest()) {
                extent.states += 1;
                let depth = ways[at].depth + 1;
                extent.depth = extent.depth.max(depth);
                // A plan that holds for an hour holds for ever as far as the model goes.
                assert!(depth < 3000, "the ways of {} are too long", describe(site));
                if extent.states >= most {
                    extent.cut = 1;
                    return Ok(extent);
                }
                queue.push_back((ways.len(), next));
                ways.push(Way { before: at, act: Some(act), depth });
            }
        }
    }
    Ok(extent)
}

/// The junction, and what happened up to what is wrong.
fn tell(site: &Site, ways: &[Way], mut at: usize, last: Option<Act>, wrong: &str) -> String {
    let mut acts: Vec<Act> = last.into_iter().collect();
    while let Some(act) = ways[at].act {
        acts.push(act);
        at = ways[at].before;
    }
    acts.reverse();
    let mut told = format!("{wrong}\n{}\n", describe(site));
    if let Ok(mut world) = World::new(site) {
        let _ = writeln!(told, "{}", world.line());
        for act in acts {
            let stepped = world.step(site, act);
            let _ = writeln!(told, "{} after {act:?}", world.line());
            if stepped.is_err() {
                break;
            }
        }
    }
    told
}

pub(super) fn describe(site: &Site) -> String {
    let mut told = format!("{:?}\n{:?}\n", site.rules, site.junction.signal);
    for stage in site.junction.stages() {
        let _ = writeln!(told, "{stage:?}");
    }
    for plan in &site.menu {
        let _ = writeln!(told, "{}", serde_json::to_string(plan).unwrap_or_default());
    }
    told
}
