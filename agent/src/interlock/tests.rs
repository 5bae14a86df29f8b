use super::*;
use crate::signal::tests::{build, four_way_spec, overlapping_spec};
use flextraff_common::junction::JunctionSpec;

/// Lamps as letters; `u` is red-amber, `f` and `F` flash amber and red.
fn lamps(letters: &str) -> Vec<Aspect> {
    letters
        .chars()
        .map(|letter| match letter {
            'G' => Aspect::Green,
            'a' => Aspect::Amber,
            'u' => Aspect::RedAmber,
            'f' => Aspect::FlashAmber,
            'F' => Aspect::FlashRed,
            '.' => Aspect::Dark,
            _ => Aspect::Red,
        })
        .collect()
}

/// Lets all vectors but the last one pass and says what the last one trips.
fn last(spec: &JunctionSpec, steps: &[(f64, &str)]) -> String {
    let mut interlock = Interlock::new(&build(spec), false);
    let (bad, good) = steps.split_last().expect("at least one step");
    let ms = |seconds: f64| MonoMs((seconds * 1000.0).round() as i64);
    for (at, letters) in good {
        interlock.check(&lamps(letters), ms(*at)).unwrap_or_else(|trip| panic!("{letters} at {at}: {trip}"));
    }
    interlock.check(&lamps(bad.1), ms(bad.0)).map_or_else(|trip| trip.to_string(), |()| "passes".to_owned())
}

const START: [(f64, &str); 2] = [(-12.0, "ffff"), (-6.0, "rrrr")];

fn four_way(steps: &[(f64, &str)]) -> String {
    last(&four_way_spec(), &[&START, steps].concat())
}

fn overlapping(steps: &[(f64, &str)]) -> String {
    let start: [(f64, &str); 2] = [(-12.0, "ffff."), (-6.0, "rrrrr")];
    last(&overlapping_spec(), &[&start, steps].concat())
}

#[test]
fn what_a_sound_controller_shows_passes() {
    let cycle =
        [(0.0, "Grrr"), (25.0, "arrr"), (28.0, "rrrr"), (29.0, "rurr"), (30.0, "rGrr"), (40.0, "rGrr")];
    assert_eq!(four_way(&cycle), "passes");
    let late = [(0.2, "Grrr"), (25.25, "arrr"), (28.0, "rrrr"), (30.0, "rGrr")];
    assert_eq!(four_way(&late), "passes", "a late thread is no fault");
    let overlap = [(0.0, "GGrrG"), (25.0, "Garrr"), (28.0, "Grrrr"), (30.0, "GrGrr"), (40.0, "ararr")];
    assert_eq!(overlapping(&overlap), "passes");
}

#[test]
fn conflicting_groups_are_never_released_together() {
    assert_eq!(
        four_way(&[(0.0, "GrGr")]),
        "\"N\" (green) and \"E\" (green) conflict and were to be released together"
    );
    for bad in ["aGrr", "aurr"] {
        assert!(four_way(&[(0.0, "Grrr"), (25.0, bad)]).contains("conflict"), "{bad}");
    }
    assert!(four_way(&[(0.0, "uurr")]).contains("conflict"));
    assert!(overlapping(&[(0.0, "GGrrG"), (10.0, "GGGrG")]).contains("\"S\" (green) and \"NL\" (green)"));
}

#[test]
fn every_green_of_a_vehicle_ends_in_amber() {
    assert_eq!(four_way(&[(0.0, "Grrr"), (9.0, "rrrr")]), "group \"N\" was to go from green to red");
    assert_eq!(four_way(&[(0.0, "Grrr"), (9.0, "urrr")]), "group \"N\" was to go from green to red-amber");
    assert_eq!(
        four_way(&[(0.0, "Grrr"), (9.0, "arrr"), (13.0, "Grrr")]),
        "group \"N\" was to go from amber to green"
    );
    assert_eq!(four_way(&[(0.0, "arrr")]), "group \"N\" was to go from red to amber");
    assert_eq!(four_way(&[(0.0, "urrr"), (1.0, "arrr")]), "group \"N\" was to go from red-amber to amber");
}

#[test]
fn a_short_amber_trips() {
    let amber = [(0.0, "Grrr"), (9.0, "arrr"), (11.69, "rrrr")];
    assert_eq!(four_way(&amber), "the amber of group \"N\" was to end after 2690 ms instead of 2700 ms");
    let mut spec = four_way_spec();
    spec.signal.amber_s = 4.0;
    let steps = [START[0], (-6.0, "rrrr"), (0.0, "Grrr"), (9.0, "arrr"), (12.0, "rrrr")];
    assert!(last(&spec, &steps).contains("3000 ms instead of 3700 ms"));
    spec.signal.amber_s = 1.5;
    let steps = [START[0], (-6.0, "rrrr"), (0.0, "Grrr"), (9.0, "arrr"), (10.5, "rrrr")];
    assert_eq!(last(&spec, &steps), "passes", "without real lamps");
    let mut real = Interlock::new(&build(&spec), true);
    let mut step = |at: f64, letters: &str| real.check(&lamps(letters), MonoMs((at * 1000.0) as i64));
    steps[..4].iter().for_each(|(at, letters)| step(*at, letters).expect("sound"));
    assert!(step(10.5, "rrrr").unwrap_err().to_string().contains("instead of 2700 ms"));
}

#[test]
fn a_short_intergreen_trips_across_earlier_changes_too() {
    let steps = [(0.0, "Grrr"), (9.0, "arrr"), (12.0, "rrrr"), (13.0, "rGrr")];
    assert_eq!(four_way(&steps), "\"S\" was to get green 4000 ms after the green of \"N\", not 5000 ms");
    let mut spec = four_way_spec();
    spec.intergreens = vec![crate::signal::tests::intergreen("N", "E", 30.0)];
    let steps = [
        (-60.0, "rrrr"),
        (0.0, "Grrr"),
        (9.0, "arrr"),
        (12.0, "rrrr"),
        (14.0, "rGrr"),
        (21.0, "rarr"),
        (24.0, "rrrr"),
        (38.0, "rrGr"),
    ];
    assert_eq!(last(&spec, &steps), "\"E\" was to get green 29000 ms after the green of \"N\", not 30000 ms");
    assert_eq!(
        overlapping(&[(0.0, "GGrrG"), (9.0, "aarrr"), (12.0, "rrrrr"), (13.0, "rrrGr")]),
        "\"E\" was to get green 4000 ms after the green of \"N\", not 5000 ms"
    );
}

#[test]
fn a_pedestrian_green_ends_without_amber_but_not_without_intergreen() {
    let steps = [(0.0, "rrrrG"), (9.0, "rrrGr")];
    assert_eq!(overlapping(&steps), "\"E\" was to get green 0 ms after the green of \"P\", not 5000 ms");
    assert_eq!(overlapping(&[(0.0, "rrrra")]), "the pedestrian group \"P\" was to show amber");
    assert_eq!(overlapping(&[(0.0, "rrrru")]), "the pedestrian group \"P\" was to show red-amber");
}

#[test]
fn dark_faces_mixed_flash_and_wrong_counts_trip() {
    assert_eq!(four_way(&[(0.0, "Grr.")]), "group \"W\" was to be dark while the signal is in operation");
    assert!(four_way(&[(0.0, "....")]).contains("dark"));
    assert!(four_way(&[(0.0, "Gfff")]).contains("do not mix"));
    assert!(four_way(&[(0.0, "Ffff")]).contains("do not mix"));
    assert!(overlapping(&[(0.0, "ffffr")]).contains("do not mix"));
    assert_eq!(four_way(&[(0.0, "rrr")]), "3 groups were to be lit, the junction has 4");
}

#[test]
fn it_starts_with_flash_or_all_red_and_waits_before_the_first_green() {
    let start = |steps: &[(f64, &str)]| last(&four_way_spec(), steps);
    assert!(start(&[(0.0, "Grrr")]).contains("instead of flash or all red"));
    assert!(start(&[(0.0, "ffff"), (6.0, "Grrr")]).contains("instead of flash or all red"));
    assert!(start(&[(0.0, "ffff"), (6.0, "rrrr"), (10.0, "Grrr")]).contains("4000 ms after the green"));
    assert!(start(&[(0.0, "rrrr"), (4.0, "Grrr")]).contains("4000 ms after the green"));
    assert_eq!(start(&[(0.0, "rrrr"), (5.0, "Grrr")]), "passes");
    assert!(
        four_way(&[(0.0, "Grrr"), (3.0, "ffff"), (9.0, "rrrr"), (12.0, "rGrr")]).contains("3000 ms after"),
        "a flash in between starts all over"
    );
}

#[test]
fn a_clock_that_runs_back_trips_rather_than_shortens() {
    assert!(four_way(&[(0.0, "Grrr"), (9.0, "arrr"), (1.0, "rrrr")]).contains("-8000 ms"));
}

#[test]
fn a_trip_latches_until_the_fault_aspect_and_beyond() {
    let mut interlock = Interlock::new(&build(&overlapping_spec()), false);
    let trip = interlock.check(&lamps("GGrGr"), MonoMs(0)).unwrap_err();
    assert_eq!(interlock.latched(), Some(&trip));
    assert_eq!(interlock.check(&lamps("rrrrr"), MonoMs(50)), Err(trip.clone()));
    assert_eq!(interlock.check(&lamps("ffff."), MonoMs(50)), Ok(()));
    assert_eq!(interlock.check(&lamps("rrrrr"), MonoMs(9000)), Err(trip.clone()));
    interlock.trip("later");
    assert_eq!(interlock.latched(), Some(&trip));
    assert_eq!(interlock.fault_lamps(), lamps("ffff."));
}

#[test]
fn each_fault_aspect_passes_at_any_time() {
    for (aspect, letters) in
        [(FaultAspect::FlashAmber, "ffff."), (FaultAspect::FlashRed, "FFFF."), (FaultAspect::AllRed, "rrrrr")]
    {
        let mut spec = overlapping_spec();
        spec.signal.fault_aspect = aspect;
        let mut interlock = Interlock::new(&build(&spec), true);
        interlock.check(&lamps("rrrrr"), MonoMs(0)).expect("sound");
        interlock.check(&lamps("GGrrG"), MonoMs(6000)).expect("sound");
        interlock.trip("the output failed");
        assert_eq!(interlock.check(&lamps(letters), MonoMs(6100)), Ok(()), "without amber: it is a fault");
    }
}
