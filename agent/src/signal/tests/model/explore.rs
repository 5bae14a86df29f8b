//! Breadth first through every state, so that what is wrong is found by the shortest way to it.

use super::world::{Act, Site, VEHICLE_S, World};
use flextraff_common::junction::LaneIx;
use std::collections::{HashSet, VecDeque};
use std::fmt::Write as _;
use std::hash::{BuildHasherDefault, Hasher};

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

/// Digests are mixed as they are.
#[derive(Default)]
struct AsIs(u64);

impl Hasher for AsIs {
    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(byte);
        }
    }

    fn write_u128(&mut self, digest: u128) {
        self.0 = digest as u64;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

type Seen = HashSet<u128, BuildHasherDefault<AsIs>>;

struct Way {
    before: usize,
    act: Option<Act>,
    depth: usize,
}

/// In which orders things that come within the same second are tried.
///
/// A plan, what somebody does at the panel, and what a vehicle asks for only set what is asked: whichever of them comes first, the state after
/// both is the same. So it is enough to try them in one order, each kind after the kinds before it in the list of [`kind`]; whatever else
/// happens, such as that a second passes, is tried always, and after it everything. A vehicle's request takes the place of the one before, so
/// that none needs to follow another, but where the stage that it gets depends on whether it asked before.
///
/// No state is lost by that. Let something of kind x be left out in a state S, which came by something z of a later kind from a state Q that was
/// seen sooner. S then x is Q, then x, then z. Q then x is seen: that is the same question for the same kind, nearer to the start. And z after
/// that is the same question for a later kind. Both come to an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// One of each.
    One,
    /// All of them.
    All,
}

/// A vehicle's request on a lane.
pub(super) const fn asks_on(lane: LaneIx) -> Act {
    Act::Vehicle(Some((lane, VEHICLE_S)))
}

/// The kind of what only sets what is asked.
const fn kind(act: Act) -> Option<u8> {
    match act {
        Act::Plan(_) => Some(0),
        Act::Panel(_) | Act::Advance => Some(1),
        Act::Vehicle(_) => Some(2),
        _ => None,
    }
}

impl Order {
    fn tries(self, site: &Site, last: Option<Act>, act: Act) -> bool {
        match (last.and_then(kind), kind(act)) {
            (Some(_), Some(_)) if self == Self::All => true,
            (Some(2), Some(2)) => {
                site.lanes.iter().any(|(lane, has_choice)| *has_choice && act == asks_on(*lane))
            }
            (Some(last), Some(next)) => last <= next,
            _ => true,
        }
    }
}

/// Goes through every state of a site, the nearest first and at most so many; `visit` sees each.
pub(super) fn explore(
    site: &Site,
    most: usize,
    visit: impl FnMut(&World) -> Result<(), String>,
) -> Result<Extent, String> {
    explore_in(Order::One, site, most, visit)
}

/// The same, with a say in which orders of things that come within a second are tried.
pub(super) fn explore_in(
    order: Order,
    site: &Site,
    most: usize,
    mut visit: impl FnMut(&World) -> Result<(), String>,
) -> Result<Extent, String> {
    let first = World::new(site)?;
    let mut seen = Seen::default();
    seen.insert(first.key(site).digest());
    let mut ways = vec![Way { before: 0, act: None, depth: 0 }];
    let mut queue = VecDeque::from([(0, Box::new(first))]);
    let mut extent = Extent { states: 1, ..Extent::default() };
    while let Some((at, world)) = queue.pop_front() {
        visit(&world).map_err(|wrong| tell(site, &ways, at, None, &wrong))?;
        let mut acts = world.acts(site);
        acts.retain(|act| order.tries(site, ways[at].act, *act));
        let mut world = Some(world);
        for (place, &act) in acts.iter().enumerate() {
            // The last one takes the state itself.
            let next = if place + 1 == acts.len() { world.take() } else { world.clone() };
            let Some(mut next) = next else { break };
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
