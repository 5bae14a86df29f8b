//! What makes the search cheap loses nothing: states with the same key behave alike, one order of what comes within a second is enough, and so is one
//! of the lanes that always ask for the same.

use super::explore::{Order, asks_on, explore, explore_in};
use super::junctions::{Dice, Scope, site};
use super::world::{Act, Site, World};
use flextraff_common::junction::LaneIx;
use std::collections::HashMap;
use std::sync::Arc;

/// What may come, each of its kinds with every other that it shares a scope of the proof with.
const SCOPES: [Scope; 8] = [
    Scope { vehicles: true, ..Scope::of(1, 0, 1) },
    Scope::of(1, 1, 1),
    Scope { tables: true, ..Scope::of(1, 1, 0) },
    Scope { incidents: true, ..Scope::of(1, 0, 1) },
    Scope { cabinet: true, ..Scope::of(0, 0, 1) },
    Scope { cabinet: true, ..Scope::of(1, 0, 0) },
    Scope { late: true, ..Scope::of(1, 1, 0) },
    Scope { vehicles: true, ends: true, ..Scope::of(1, 0, 0) },
];

/// Most states of a site: of larger ones the nearest are looked at.
const MOST: usize = 400;

fn digest(site: &Site, world: &World, act: Act) -> u128 {
    let mut next = world.clone();
    next.step(site, act).unwrap_or_else(|wrong| panic!("{act:?}: {wrong}"));
    next.key(site).digest()
}

/// Everything that may happen to a state, and which state follows.
fn future(site: &Site, world: &World) -> Vec<(Act, u128)> {
    world.acts(site).into_iter().map(|act| (act, digest(site, world, act))).collect()
}

/// Compares each of the states that one key stands for with the first of them.
fn are_alike(site: &Site) -> usize {
    let (mut futures, mut compared) = (HashMap::new(), 0);
    let visit = |world: &World| {
        for act in world.acts(site) {
            let mut next = world.clone();
            next.step(site, act)?;
            let future = future(site, &next);
            let known = futures.entry(next.key(site).digest()).or_insert_with(|| future.clone());
            if *known != future {
                return Err(format!("a state after {act:?} is not like another with its key"));
            }
            compared += 1;
        }
        Ok(())
    };
    explore_in(Order::All, site, MOST, visit).unwrap_or_else(|wrong| panic!("{wrong}"));
    compared
}

/// Every lane of the junction asks for what one that is tried asks for, or for nothing.
fn lanes_are_enough(site: &Site) {
    let all = (0..site.junction.lanes().len()).map(LaneIx::new);
    let all: Vec<Act> = all.map(asks_on).collect();
    let visit = |world: &World| {
        let acts = world.acts(site);
        if acts.contains(&Act::Vehicle(None)) {
            let tried: Vec<u128> = acts.iter().map(|act| digest(site, world, *act)).collect();
            if !all.iter().all(|act| tried.contains(&digest(site, world, *act))) {
                return Err("a lane asks for what none asks for that is tried".to_owned());
            }
        }
        Ok(())
    };
    explore(site, MOST, visit).unwrap_or_else(|wrong| panic!("{wrong}"));
}

fn sites() -> impl Iterator<Item = (Scope, Site)> {
    let sharings: [&[u16]; 4] = [&[1, 2], &[1, 2, 3], &[1, 2, 4], &[1, 1, 6]];
    SCOPES.into_iter().enumerate().flat_map(move |(round, scope)| {
        sharings.into_iter().enumerate().map(move |(at, sharing)| {
            let stages = if sharing.iter().any(|mask| mask & 4 != 0) { 3 } else { 2 };
            let mut site = site(stages, sharing, scope, &mut Dice((at + 10 * round) as u64));
            // As at the whole: how long somebody waits is not what is looked at here.
            site.rules = Arc::new(site.rules.with_a_round_to_spare());
            (scope, site)
        })
    })
}

#[test]
fn states_with_the_same_key_have_the_same_future() {
    let compared: usize = sites().map(|(_, site)| are_alike(&site)).sum();
    println!("{compared} compared");
    assert!(compared > 20_000, "{compared}");
}

#[test]
fn one_order_of_what_comes_within_a_second_reaches_every_state() {
    let mut saved = 0;
    // Those of two stages are small enough.
    for (scope, site) in sites().filter(|(_, site)| site.junction.stages().len() == 2) {
        let states =
            |order| explore_in(order, &site, 60_000, |_| Ok(())).unwrap_or_else(|wrong| panic!("{wrong}"));
        let (all, one) = (states(Order::All), states(Order::One));
        // Of a site that is cut no two searches see the same part.
        if all.cut == 0 {
            assert_eq!(one.states, all.states, "{scope:?}");
            saved += all.transitions - one.transitions;
        }
    }
    println!("{saved} transitions saved");
    assert!(saved > 1_000, "{saved}");
}

#[test]
fn the_lanes_that_are_tried_ask_for_all_that_any_asks_for() {
    for (_, site) in sites().filter(|(scope, _)| scope.vehicles) {
        lanes_are_enough(&site);
    }
}
