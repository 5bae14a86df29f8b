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
    let steps = [START[0], (-6.0, "rrrr"), (0.0, "Grrr"), (9.0, "arrr"), (10.7, "rrrr")];
    assert_eq!(last(&spec, &steps), "passes", "without real lamps");
    let mut real = Interlock::new(&build(&spec), true);
    let mut step = |at: f64, letters: &str| real.check(&lamps(letters), MonoMs((at * 1000.0) as i64));
    steps[..4].iter().for_each(|(at, letters)| step(*at, letters).expect("sound"));
    assert!(step(10.7, "rrrr").unwrap_err().to_string().contains("instead of 2700 ms"));
}

#[test]
fn what_was_written_late_counts_from_then() {
    let written = |amber_wrote: i64, red_wrote: i64, steps: &[(i64, &str)]| {
        let mut interlock = Interlock::new(&build(&four_way_spec()), true);
        for (at, letters) in [(-12_000, "ffff"), (-6000, "rrrr"), (0, "Grrr")] {
            interlock.check(&lamps(letters), MonoMs(at)).expect("sound");
        }
        interlock.check(&lamps("arrr"), MonoMs(9000)).expect("sound");
        interlock.note_written(MonoMs(9000), MonoMs(amber_wrote));
        steps.iter().try_for_each(|(at, letters)| {
            interlock.check(&lamps(letters), MonoMs(*at))?;
            interlock.note_written(MonoMs(*at), MonoMs(red_wrote.max(*at)));
            Ok(())
        })
    };
    let says =
        |result: Result<(), Trip>| result.map_or_else(|trip| trip.to_string(), |()| "passes".to_owned());
    assert_eq!(says(written(9250, 0, &[(12_000, "rrrr"), (14_000, "rGrr")])), "passes");
    let short = says(written(9800, 0, &[(12_000, "rrrr")]));
    assert_eq!(short, "the amber of group \"N\" was to end after 2200 ms instead of 2700 ms");
    let short = says(written(9800, 0, &[(13_000, "rrrr"), (14_000, "rGrr")]));
    assert_eq!(short, "\"S\" was to get green 4200 ms after the green of \"N\", not 5000 ms");
    let short = says(written(9000, 12_800, &[(12_000, "rrrr"), (14_000, "rGrr")]));
    assert_eq!(short, "\"S\" was to get green 1200 ms after the amber of \"N\", not 2000 ms");
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
fn a_short_red_after_an_amber_trips_however_long_the_amber_was() {
    let long_amber = |red_at: f64, green_at: f64| {
        four_way(&[(0.0, "Grrr"), (9.0, "arrr"), (red_at, "rrrr"), (green_at, "rGrr")])
    };
    assert_eq!(
        long_amber(14.0, 15.69),
        "\"S\" was to get green 1690 ms after the amber of \"N\", not 2000 ms"
    );
    assert_eq!(long_amber(14.0, 15.7), "passes");
    let none = [(0.0, "Grrr"), (9.0, "arrr"), (14.0, "rGrr")];
    assert_eq!(four_way(&none), "\"S\" was to get green 0 ms after the amber of \"N\", not 2000 ms");
    // However short it may be, it must be there.
    let mut spec = four_way_spec();
    spec.signal.all_red_s = 0.1;
    let with = |steps: &[(f64, &str)]| last(&spec, &[&START, steps].concat());
    assert_eq!(with(&none), "\"S\" was to get green 0 ms after the amber of \"N\", not 100 ms");
    assert_eq!(with(&[none[0], none[1], (14.0, "rrrr"), (14.05, "rGrr")]), "passes");
    // Each pair has its own.
    spec.intergreens = vec![crate::signal::tests::intergreen("N", "E", 6.0)];
    let with =
        |green: &str| last(&spec, &[&START[..], &[none[0], none[1], (14.0, "rrrr"), (15.0, green)]].concat());
    assert_eq!(with("rGrr"), "passes");
    assert_eq!(with("rrGr"), "\"E\" was to get green 1000 ms after the amber of \"N\", not 3000 ms");
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

fn lit(letters: &str) -> HeadLamps {
    HeadLamps { red: letters.contains('r'), amber: letters.contains('a'), green: letters.contains('g') }
}

#[test]
fn no_head_is_lit_otherwise_than_its_aspect_says() {
    let shows = |aspect: char, letters: &str| {
        let mut interlock = Interlock::new(&build(&four_way_spec()), false);
        let lamps = lamps(&format!("{aspect}rrr"));
        let checked = interlock.check_lit(&lamps, &[lit(letters), lit("r"), lit("r"), lit("r")]);
        assert_eq!(checked.is_err(), interlock.latched().is_some(), "what is wrong latches");
        checked.map_or_else(|trip| trip.to_string(), |()| "passes".to_owned())
    };
    let all = ["", "r", "a", "g", "ra", "rg", "ag", "rag"];
    for (aspect, fit) in [
        ('G', &["g"][..]),
        ('a', &["a"]),
        ('r', &["r"]),
        ('u', &["ra"]),
        ('F', &["r", ""]),
        ('f', &["a", ""]),
        ('.', &[""]),
    ] {
        for letters in all {
            let says = shows(aspect, letters);
            assert_eq!(says == "passes", fit.contains(&letters), "{aspect} {letters}: {says}");
        }
    }
    assert_eq!(shows('G', "rg"), "group \"N\" was to light red and green for green");
    assert_eq!(shows('r', ""), "group \"N\" was to light no lamp for red");
    let mut interlock = Interlock::new(&build(&four_way_spec()), false);
    assert!(interlock.check_lit(&lamps("rrrr"), &[lit("r")]).unwrap_err().to_string().contains("1 groups"));
}

/// Looks at intervals of `step_ms` from 0 on, a lamp of the second head wrong from `from_ms` to `until_ms`, and says when that trips.
fn trips_at(wrong: HeadSeen, step_ms: usize, from_ms: i64, until_ms: i64) -> Option<(i64, String)> {
    let mut interlock = Interlock::new(&build(&four_way_spec()), true);
    let right = HeadSeen { red: Some(true), amber: Some(false), green: Some(false) };
    (0..3000_i64).step_by(step_ms).find_map(|now| {
        let second = if (from_ms..until_ms).contains(&now) { wrong } else { right };
        let seen = [right, second, right, HeadSeen::default()];
        let trip = interlock.check_seen(&[lit("r"); 4], &seen, MonoMs(now)).err()?;
        assert_eq!(interlock.latched(), Some(&trip));
        Some((now, trip.to_string()))
    })
}

/// Expects that a wrong lamp trips within a range and, when it is right again before that, not; whatever the phase between lamp and look.
fn expect_trip(wrong: HeadSeen, range: std::ops::RangeInclusive<i64>, says: &str) {
    for step_ms in [20, 50, 70, 100] {
        for phase in 0..step_ms as i64 {
            let from = 1000 + phase;
            assert_eq!(trips_at(wrong, step_ms, from, from + range.start()), None, "{step_ms} {phase}");
            let (at, why) = trips_at(wrong, step_ms, from, 9999).expect("it stays wrong");
            assert!(range.contains(&(at - from)), "{step_ms} {phase}: after {} ms", at - from);
            assert!(why.starts_with(says), "{why}");
        }
    }
}

#[test]
fn a_lamp_that_is_lit_by_itself_trips_between_200_and_450_ms() {
    let green = HeadSeen { red: Some(true), amber: Some(false), green: Some(true) };
    expect_trip(green, 200..=450, "the green lamp of group \"S\" has been lit for ");
    let both = HeadSeen { red: Some(true), amber: Some(true), green: None };
    expect_trip(both, 200..=450, "the amber lamp of group \"S\" has been lit for ");
}

#[test]
fn a_dark_lamp_trips_between_700_and_1000_ms() {
    let dark = HeadSeen { red: Some(false), amber: Some(false), green: Some(false) };
    expect_trip(dark, 700..=1000, "the red lamp of group \"S\" has been dark for ");
}

#[test]
fn two_glimpses_far_apart_are_no_fault() {
    // A loop that comes late looks twice within 400 ms, and sees a glimpse each time.
    let mut interlock = Interlock::new(&build(&four_way_spec()), true);
    let green = HeadSeen { red: Some(true), amber: Some(false), green: Some(true) };
    for now in [0, 400] {
        assert_eq!(interlock.check_seen(&[lit("r"); 4], &[green; 4], MonoMs(now)), Ok(()));
    }
    assert_eq!(interlock.check_seen(&[lit("r"); 4], &[HeadSeen::default(); 4], MonoMs(450)), Ok(()));
    assert_eq!(interlock.check_seen(&[lit("g"); 4], &[green; 4], MonoMs(500)), Ok(()), "red lags a little");
}

#[test]
fn a_signal_that_stands_still_trips_well_after_the_longest_red() {
    // Longest green 60 s, longest red 180 s.
    let green = (0.0, "Grrr");
    assert_eq!(four_way(&[green, (420.0, "Grrr")]), "passes");
    assert_eq!(
        four_way(&[green, (420.1, "Grrr")]),
        "nothing has changed for 420 s while group \"S\" was red: the signal is stuck"
    );
    assert_eq!(four_way(&[green, (4000.0, "arrr")]), "passes", "it goes on");
    let flash = [(-12.0, "ffff"), (9000.0, "ffff")];
    assert_eq!(last(&four_way_spec(), &flash), "passes", "flash may stay");
    let mut spec = four_way_spec();
    spec.stages.iter_mut().skip(1).for_each(|stage| stage.skip = true);
    let rests = [START[0], START[1], green, (9000.0, "Grrr")];
    assert_eq!(last(&spec, &rests), "passes", "nobody was promised green at the others");
}

#[test]
fn a_lamp_test_lights_one_lamp_where_nothing_is_in_operation() {
    let mut interlock = Interlock::new(&build(&four_way_spec()), true);
    assert_eq!(interlock.check_test(&lamps("G...")), Ok(()), "before anything was shown");
    interlock.check(&lamps("ffff"), MonoMs(0)).expect("sound");
    for (letters, passes) in [
        ("G...", true),
        (".a..", true),
        ("....", true),
        ("GG..", false),
        ("u...", false),
        ("f...", false),
        ("G..", false),
    ] {
        assert_eq!(interlock.check_test(&lamps(letters)).is_ok(), passes, "{letters}");
    }
    interlock.check(&lamps("rrrr"), MonoMs(6000)).expect("sound");
    assert!(interlock.check_test(&lamps("r...")).is_err(), "in operation");
    assert_eq!(interlock.latched(), None);
    interlock.trip("a fault");
    assert_eq!(interlock.check_test(&lamps("r...")), Ok(()));
}

#[test]
fn a_cleared_fault_begins_anew_with_flash_or_red() {
    let mut interlock = Interlock::new(&build(&four_way_spec()), true);
    interlock.check(&lamps("ffff"), MonoMs(0)).expect("sound");
    interlock.check(&lamps("GrGr"), MonoMs(9000)).expect_err("a conflict");
    interlock.clear();
    assert_eq!(interlock.latched(), None);
    assert!(interlock.check(&lamps("Grrr"), MonoMs(9050)).unwrap_err().to_string().contains("to start with"));
    interlock.clear();
    interlock.check(&lamps("ffff"), MonoMs(9100)).expect("start-up");
    interlock.check(&lamps("rrrr"), MonoMs(15_100)).expect("start-up");
    interlock.check(&lamps("Grrr"), MonoMs(21_100)).expect("start-up");
}
