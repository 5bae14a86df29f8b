//! The interlock against the rules, and the proof against defects: both find what is wrong.

use super::explore::explore;
use super::junctions::{Dice, Scope, built, furnished, pedestrian, site_with, spec};
use super::world::Site;
use super::{Key, MonoMs};
use crate::interlock::{HeadLamps, Interlock};
use crate::output::lit_heads;
use crate::signal::Lamps;
use crate::signal::tests::{build, compatible, group};
use flextraff_common::junction::{GroupKind, GroupSpec, Junction, JunctionSpec};
use flextraff_common::wire::Aspect;
use std::collections::HashSet;
use std::sync::Arc;

const ASPECTS: [Aspect; 7] = [
    Aspect::Green,
    Aspect::Amber,
    Aspect::Red,
    Aspect::RedAmber,
    Aspect::FlashRed,
    Aspect::FlashAmber,
    Aspect::Dark,
];

const ONE_PLAN: Scope = Scope::of(1, 0, 0);

fn vectors(groups: usize) -> Vec<Vec<Aspect>> {
    (0..groups).fold(vec![Vec::new()], |lists, _| {
        let longer = |list: &Vec<Aspect>, aspect| list.iter().copied().chain([aspect]).collect();
        lists.iter().flat_map(|list| ASPECTS.map(|aspect| longer(list, aspect))).collect()
    })
}

#[test]
fn the_interlock_lets_through_what_the_rules_allow_and_nothing_else() {
    let (mut passed, mut tripped) = (0_usize, 0_usize);
    let sharings: [&[u16]; 7] =
        [&[1, 2], &[1, 3], &[1, 2, 4], &[1, 2, 3], &[3, 5, 6], &[1, 6, 4], &[7, 1, 6]];
    let whole = sharings.into_iter().enumerate().map(|(seed, sharing)| (1.0, seed, sharing));
    let fractions = sharings.into_iter().take(4).enumerate().map(|(seed, sharing)| (1.5, seed, sharing));
    for (amber_s, seed, sharing) in whole.chain(fractions) {
        let stages = if sharing.iter().any(|mask| mask & 4 != 0) { 3 } else { 2 };
        let site = site_with(amber_s, stages, sharing, ONE_PLAN, &mut Dice(seed as u64));
        let (vectors, mut seen) = (vectors(sharing.len()), HashSet::new());
        let visited = explore(&site, 200_000, |world| {
            let mut key = Key::new(world.now);
            world.interlock.project(&mut key);
            if !seen.insert(key.digest()) {
                return Ok(());
            }
            let next: MonoMs = world.now + 1000;
            for vector in &vectors {
                let checked = (*world.interlock).clone().check(vector, next);
                let judged = world.oracle.judge(vector, next);
                if checked.is_ok() != judged.is_ok() {
                    return Err(format!("{vector:?}: the interlock {checked:?}, the rules {judged:?}"));
                }
                if checked.is_ok() { passed += 1 } else { tripped += 1 }
            }
            Ok(())
        });
        let extent = visited.unwrap_or_else(|wrong| panic!("{wrong}"));
        assert_eq!(extent.cut, 0, "every state was seen");
    }
    println!("{passed} vectors pass, {tripped} trip");
    assert!(passed > 200 && tripped > 10 * passed);
}

fn vehicle(name: &str) -> GroupSpec {
    group(name, GroupKind::Vehicle, &[name])
}

/// A junction of three stages, one vehicle group each, as the rules and the interlock know it; the controller's may have a defect.
fn defective(slack_s: u32, defect: impl FnOnce(&mut JunctionSpec)) -> Site {
    let mut right = spec(3, &[1, 2, 4], &mut Dice(1));
    right.groups.iter_mut().for_each(|group| {
        *group = vehicle(&group.name);
    });
    right.compatible.clear();
    right.intergreens.clear();
    (right.signal.amber_s, right.signal.all_red_s, right.signal.red_amber_s) = (2.0, 1.0, 0.0);
    for stage in &mut right.stages {
        (stage.min_green_s, stage.max_green_s) = (2.0, 4.0);
    }
    let (guarded, rules) = built(&right, slack_s);
    let mut wrong = right;
    defect(&mut wrong);
    let mut junction: Junction = (*build(&wrong)).clone();
    junction.signal.longest_red_s = guarded.signal.longest_red_s;
    Site { guarded, ..furnished(Arc::new(junction), rules, ONE_PLAN, &mut Dice(2)) }
}

fn found(site: &Site) -> String {
    match explore(site, 200_000, |_| Ok(())) {
        Ok(extent) => {
            assert_eq!(extent.cut, 0, "every state was seen");
            format!("nothing in {} states", extent.states)
        }
        Err(wrong) => wrong.lines().next().unwrap_or_default().to_owned(),
    }
}

#[test]
fn without_a_defect_there_is_nothing_to_find() {
    assert!(found(&defective(1, |_| ())).starts_with("nothing in "));
}

#[test]
fn the_interlock_stops_a_controller_with_a_defect() {
    let short_intergreen = defective(1, |spec| spec.signal.all_red_s = 0.0);
    assert!(found(&short_intergreen).contains("ms after the green of"), "{}", found(&short_intergreen));
    let no_amber = defective(1, |spec| spec.groups[1] = pedestrian("g1", None));
    assert!(found(&no_amber).contains("to go from green to red"), "{}", found(&no_amber));
    let short_amber = defective(1, |spec| {
        (spec.signal.amber_s, spec.signal.all_red_s) = (1.0, 2.0);
    });
    assert!(found(&short_amber).contains("the amber of group"), "{}", found(&short_amber));
    let dark = |lamps: &mut Lamps| {
        for aspect in lamps.iter_mut().filter(|aspect| **aspect == Aspect::Amber) {
            *aspect = Aspect::Dark;
        }
    };
    let dark_face = Site { spoil: Some(dark), ..defective(1, |_| ()) };
    assert!(found(&dark_face).contains("was to be dark"), "{}", found(&dark_face));
    let conflict = defective(1, |spec| {
        spec.compatible.push(compatible("g0", "g1"));
        spec.stages[0].groups.push("g1".to_owned());
    });
    assert!(found(&conflict).contains("conflict and were to be released together"), "{}", found(&conflict));
}

#[test]
fn the_rules_find_what_no_interlock_sees() {
    let short_green = defective(1, |spec| spec.stages[1].min_green_s = 1.0);
    assert_eq!(found(&short_green), "the green of stage s1 is short");
    let long_green = defective(8, |spec| spec.stages[2].max_green_s = 5.0);
    assert_eq!(found(&long_green), "the green of stage s2 is too long");
    let mut long_red = defective(1, |_| ());
    let mut junction = (*long_red.junction).clone();
    junction.signal.longest_red_s += 2;
    long_red.junction = Arc::new(junction);
    assert!(found(&long_red).contains(" waits "), "{}", found(&long_red));
}

/// What the lamps of a head say to whoever looks at it, by the colours that are lit, red first.
fn read(lit: HeadLamps) -> &'static [Aspect] {
    match (lit.red, lit.amber, lit.green) {
        (false, false, true) => &[Aspect::Green],
        // A flashing lamp is lit for half of the time.
        (false, true, false) => &[Aspect::Amber, Aspect::FlashAmber],
        (true, false, false) => &[Aspect::Red, Aspect::FlashRed],
        (true, true, false) => &[Aspect::RedAmber],
        (false, false, false) => &[Aspect::Dark, Aspect::FlashAmber, Aspect::FlashRed],
        _ => &[],
    }
}

/// The model looks at aspects; what is seen are lamps. Each aspect lights what says the same, and the interlock lets no head light anything else.
#[test]
fn what_is_lit_says_what_is_shown_and_nothing_else_is_lit() {
    let site = defective(1, |_| ());
    let heads = site.guarded.groups().len();
    let levels = [false, true];
    let every = levels.into_iter().flat_map(|red| levels.map(|amber| (red, amber)));
    let every: Vec<HeadLamps> =
        every.flat_map(|(red, amber)| levels.map(|green| HeadLamps { red, amber, green })).collect();
    for aspect in ASPECTS {
        // Both halves of a flash.
        for at in [0, 600] {
            let lit = lit_heads(&vec![aspect; heads], MonoMs(at));
            assert!(lit.iter().all(|head| read(*head).contains(&aspect)), "{aspect:?} lights {lit:?}");
        }
        for head in 0..heads {
            for wrong in &every {
                let lamps = vec![aspect; heads];
                let mut lit = lit_heads(&lamps, MonoMs(0));
                lit[head] = *wrong;
                let checked = Interlock::new(&site.guarded, false).check_lit(&lamps, &lit);
                assert_eq!(
                    checked.is_ok(),
                    read(*wrong).contains(&aspect),
                    "{aspect:?} with {wrong:?}: {checked:?}"
                );
            }
        }
    }
}
