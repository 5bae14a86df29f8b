//! The proof: every small junction.

use super::explore::{Extent, explore};
use super::junctions::{Dice, Scope, sharings, site_with};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Most states of one site with up to three stages: no site reaches it.
const MOST: usize = 3_000_000;
/// Most states of one site with three stages and more than four groups; of one that has more the nearest are seen.
const MOST_OF_MANY: usize = 400_000;
/// Most states of one site with four stages, some of which have many millions.
const MOST_OF_FOUR: usize = 150_000;

#[derive(Clone)]
struct Case {
    stages: u32,
    sharing: Vec<u16>,
    scope: Scope,
    seed: u64,
    amber_s: f64,
}

impl Case {
    /// How many states are seen at most, and whether those are to be all that there are.
    const fn most(&self) -> (usize, bool) {
        match (self.stages, self.sharing.len()) {
            (0..4, 0..=4) => (MOST, true),
            (0..4, _) => (MOST_OF_MANY, false),
            _ => (MOST_OF_FOUR, false),
        }
    }
}

/// Goes through all of them. `spare`: a group may wait for a round longer than the longest red.
fn check(cases: &[Case], spare: bool) -> Extent {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut extent = Extent::default();
        let mut wrong = Vec::new();
        while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
            let dice = &mut Dice(case.seed);
            let mut site = site_with(case.amber_s, case.stages, &case.sharing, case.scope, dice);
            if spare {
                site.rules = Arc::new(site.rules.with_a_round_to_spare());
            }
            let (most, whole) = case.most();
            match explore(&site, most, |_| Ok(())) {
                Ok(more) if more.cut > 0 && whole => {
                    wrong.push(format!("{:?} seed {} has too many states", case.sharing, case.seed));
                }
                Ok(more) => extent.add(more),
                Err(found) => {
                    wrong.push(format!("{:?} seed {} {:?}: {found}", case.sharing, case.seed, case.scope));
                }
            }
        }
        (extent, wrong)
    };
    let (mut extent, mut wrong) = (Extent::default(), Vec::new());
    std::thread::scope(|threads| {
        let workers: Vec<_> = (0..2).map(|_| threads.spawn(work)).collect();
        for worker in workers {
            let (more, found) = worker.join().expect("a worker ends");
            extent.add(more);
            wrong.extend(found);
        }
    });
    println!("{} junctions: {extent:?}, {} wrong", cases.len(), wrong.len());
    wrong.sort_by_key(String::len);
    assert!(wrong.is_empty(), "{}", wrong.into_iter().take(4).collect::<Vec<_>>().join("\n"));
    extent
}

/// What may come at a junction with every change, in turn. All at once would be more states than there is time for.
const SCOPES: [Scope; 9] = [
    Scope { vehicles: true, ..Scope::of(0, 0, 0) },
    Scope::of(1, 0, 0),
    Scope { tables: true, ..Scope::of(0, 1, 0) },
    Scope::of(0, 0, 1),
    Scope { incidents: true, ..Scope::of(1, 0, 0) },
    Scope { cabinet: true, ..Scope::of(1, 0, 0) },
    Scope { late: true, ..Scope::of(1, 0, 0) },
    Scope { ends: true, ..Scope::of(1, 0, 0) },
    Scope::of(0, 1, 1),
];

/// What comes at every junction of the whole: three kinds of plan at once, two of a kind, and each together with what else may happen.
const COMBINED: [Scope; 6] = [
    Scope::of(1, 1, 1),
    Scope::of(2, 1, 0),
    Scope::of(1, 0, 2),
    Scope { tables: true, ..Scope::of(1, 1, 0) },
    Scope { late: true, ..Scope::of(1, 1, 0) },
    Scope { cabinet: true, ..Scope::of(1, 0, 0) },
];

/// Four that make most states of all: three stages with four groups meet them in turn,
const LARGE: [Scope; 4] = [
    Scope { vehicles: true, ..Scope::of(1, 0, 1) },
    Scope { incidents: true, ..Scope::of(1, 0, 1) },
    Scope { cabinet: true, ..Scope::of(0, 0, 1) },
    Scope { vehicles: true, ends: true, ..Scope::of(1, 0, 0) },
];

/// and what may happen in them, one at a time, always.
const ALONE: [Scope; 3] = [
    Scope { vehicles: true, ..Scope::of(0, 0, 0) },
    Scope { incidents: true, ..Scope::of(1, 0, 0) },
    Scope { ends: true, ..Scope::of(1, 0, 0) },
];

/// Junctions of four stages: split phasing, a ring of overlaps, a group in all stages, two rings, pedestrians beside each, two opposing pairs.
const FOUR_STAGES: [&[u16]; 8] = [
    &[1, 2, 4, 8],
    &[3, 6, 12, 9],
    &[1, 2, 4, 8, 15],
    &[3, 12, 5, 10],
    &[1, 14, 2, 13],
    &[5, 5, 2, 8],
    &[1, 1, 2, 2, 4, 8],
    &[7, 14, 13, 11],
];

/// Junctions of three stages with five to seven groups: a ring of overlaps with groups of their own, overlaps alone, several heads that only
/// one stage releases, one for each set of stages.
const MANY_GROUPS_OF_THREE: [&[u16]; 8] = [
    &[1, 2, 4, 3, 6],
    &[3, 6, 5, 7, 1],
    &[1, 1, 2, 4, 4],
    &[1, 1, 2, 2, 4, 4],
    &[1, 2, 4, 3, 6, 5],
    &[7, 3, 3, 6, 1, 4],
    &[1, 2, 3, 4, 5, 6, 7],
    &[1, 1, 2, 2, 4, 4, 3],
];

/// And of four stages: turns that go on into the next stage, a ring of overlaps with somebody who always goes, every pair of stages, all but one
/// stage, two heads beside each other, a chain of overlaps.
const MANY_GROUPS_OF_FOUR: [&[u16]; 8] = [
    &[1, 3, 2, 4, 8],
    &[3, 6, 12, 9, 15],
    &[1, 2, 4, 8, 3, 12],
    &[3, 5, 9, 6, 10, 12],
    &[7, 14, 13, 11, 1, 4],
    &[1, 1, 2, 2, 4, 4, 8],
    &[1, 3, 2, 6, 4, 12, 8],
    &[1, 2, 4, 8, 5, 10, 15],
];

fn cases(stages: u32, groups: usize, scopes: &[Scope], seeds: std::ops::Range<u64>) -> Vec<Case> {
    cases_of(stages, &sharings(stages, groups), scopes, seeds)
}

fn cases_of(
    stages: u32,
    sharings: &[impl AsRef<[u16]>],
    scopes: &[Scope],
    seeds: std::ops::Range<u64>,
) -> Vec<Case> {
    let all = sharings.iter().enumerate();
    all.flat_map(|(at, sharing)| {
        seeds.clone().map(move |round| {
            let seed = at as u64 + 1000 * round;
            let scope = scopes[(at as u64 + round) as usize % scopes.len()];
            Case { stages, sharing: sharing.as_ref().to_vec(), scope, seed, amber_s: 1.0 }
        })
    })
    .collect()
}

/// Some of the whole, from all over it: what takes no longer than the rest of the tests.
#[test]
fn some_ways_of_sharing_up_to_three_groups_among_up_to_three_stages() {
    let sizes = [(2, 1), (2, 2), (2, 3), (3, 1), (3, 2), (3, 3)];
    let all = sizes.into_iter().flat_map(|(stages, groups)| cases(stages, groups, &SCOPES, 0..1));
    // The number of scopes is no multiple of it, so that each has its turn.
    let some: Vec<Case> = all.step_by(5).collect();
    let extent = check(&some, false);
    assert!(extent.states > 20_000, "{extent:?}");
}

/// An amber lasts whole seconds whatever is given, and leaves the red after it.
#[test]
fn an_amber_that_is_no_whole_seconds_takes_nothing_from_the_red_after_it() {
    let sizes = [(2, 2), (2, 3), (3, 2), (3, 3)];
    let all = sizes.into_iter().flat_map(|(stages, groups)| cases(stages, groups, &SCOPES, 0..1));
    let some = all.step_by(7).zip([1.5, 1.1, 1.9].into_iter().cycle());
    let some: Vec<Case> = some.map(|(case, amber_s)| Case { amber_s, ..case }).collect();
    check(&some, false);
}

/// In as many rounds as there are scopes each way of sharing meets all of them; in each round everything else that there is to choose is another.
fn each(stages: u32, groups: usize, scopes: &[Scope], first: u64) -> Vec<Case> {
    cases(stages, groups, scopes, first..first + scopes.len() as u64)
}

/// Every junction of two or three stages.
fn up_to_three_stages() -> Vec<Case> {
    let mut all = Vec::new();
    for groups in 1..=4 {
        for stages in [2, 3] {
            all.extend(each(stages, groups, &COMBINED, 0));
            let rounds = if (stages, groups) == (3, 4) { 1 } else { LARGE.len() as u64 };
            all.extend(cases(stages, groups, &LARGE, 10..10 + rounds));
        }
        // Two stages have few ways of sharing: these meet all of it one at a time as well, at other junctions.
        all.extend(each(2, groups, &SCOPES, 20));
    }
    all.extend(each(3, 4, &ALONE, 20));
    all
}

#[test]
fn every_way_of_sharing_among_up_to_three_stages_meets_everything() {
    let all = up_to_three_stages();
    let mut met = 0;
    for (stages, groups) in [2, 3].into_iter().flat_map(|stages| [1, 2, 3, 4].map(|groups| (stages, groups)))
    {
        for sharing in sharings(stages, groups) {
            let here: Vec<&Case> =
                all.iter().filter(|case| case.stages == stages && case.sharing == sharing).collect();
            let meets = |scope: &Scope| here.iter().any(|case| case.scope.includes(scope));
            assert!(SCOPES.iter().chain(&COMBINED).all(meets), "{sharing:?}");
            let large = LARGE.iter().filter(|scope| meets(scope)).count();
            assert_eq!(large, if (stages, groups) == (3, 4) { 1 } else { LARGE.len() }, "{sharing:?}");
            met += 1;
        }
    }
    assert_eq!(met, 26 + 239);
    // Each of the large ones has its share.
    for scope in &LARGE {
        let four = |case: &&Case| case.stages == 3 && case.sharing.len() == 4 && case.scope.includes(scope);
        assert_eq!(all.iter().filter(four).count(), 168 / LARGE.len());
    }
}

/// Junctions of more than four groups, by example: all ways of sharing would be too many.
fn many_groups() -> Vec<Case> {
    let three = |scopes: &[Scope], rounds| cases_of(3, &MANY_GROUPS_OF_THREE, scopes, rounds);
    let mut all = three(&SCOPES, 0..SCOPES.len() as u64);
    all.extend(three(&COMBINED, 10..10 + COMBINED.len() as u64));
    all.extend(three(&LARGE, 20..21));
    all.extend(cases_of(4, &MANY_GROUPS_OF_FOUR, &SCOPES, 30..33));
    all
}

#[test]
fn five_to_seven_groups_meet_everything_too() {
    let all = many_groups();
    let of = |sharing: &[u16]| all.iter().filter(|case| case.sharing == sharing).collect::<Vec<_>>();
    for sharing in MANY_GROUPS_OF_THREE {
        let here = of(sharing);
        let meets = |scope: &Scope| here.iter().any(|case| case.scope.includes(scope));
        assert!(SCOPES.iter().chain(&COMBINED).all(meets) && LARGE.iter().any(meets), "{sharing:?}");
    }
    // Of four stages all of them together do.
    let met = |scope: &Scope| all.iter().any(|case| case.stages == 4 && case.scope.includes(scope));
    assert!(SCOPES.iter().all(met));
    for (stages, sharings) in [(3, MANY_GROUPS_OF_THREE), (4, MANY_GROUPS_OF_FOUR)] {
        assert!((5..=7).all(|groups| sharings.iter().any(|sharing| sharing.len() == groups)));
        for sharing in sharings {
            let any = sharing.iter().fold(0, |any, mask| any | mask);
            assert_eq!((any, of(sharing).is_empty()), ((1 << stages) - 1, false), "{sharing:?}");
        }
    }
}

#[test]
#[ignore = "takes minutes, and wants optimisation: scripts/test --all runs it"]
fn the_whole() {
    let mut all = up_to_three_stages();
    for (at, sharing) in FOUR_STAGES.iter().enumerate() {
        let case = |round: usize| Case {
            stages: 4,
            sharing: sharing.to_vec(),
            scope: SCOPES[(at + round) % SCOPES.len()],
            seed: (at + round) as u64,
            amber_s: 1.0,
        };
        all.extend((0..3).map(|turn| case(3 * turn + at)));
    }
    all.extend(many_groups());
    // The largest first, so that no worker is left alone with one at the end.
    all.reverse();
    // A few junctions do not keep the longest red to the second: a choice of tactical control, or a change of what runs, costs a few
    // seconds that the shortest greens ahead do not leave.
    check(&all, true);
}
