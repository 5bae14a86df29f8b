use super::*;
use crate::planner::tests::junction;
use chrono::{NaiveDateTime, NaiveTime, TimeZone as _, Timelike as _};
use flextraff_common::plan::Limits;

const LIMITS: Limits = Limits { min_cycle_s: 30, max_cycle_s: 120 };

fn entry(json: &str) -> Entry {
    serde_json::from_str(json).expect("the test's entry can be read")
}

/// An entry with limits.
fn limits(name: &str, days: &str, from: &str, to: &str) -> Entry {
    let days: Vec<&str> = days.split(' ').collect();
    let days = serde_json::to_string(&days).expect("names are JSON");
    entry(&format!(
        r#"{{"name": "{name}", "days": {days}, "from": "{from}", "to": "{to}", "limits": {{"max_cycle_s": 60}}}}"#
    ))
}

/// The same as a fixed plan.
fn fixed(name: &str, days: &str, from: &str, to: &str) -> Entry {
    let green = |stage: &str| FixedGreen { stage: stage.into(), green_s: 20.0 };
    let plan = FixedPlan { stages: ["N", "S", "E", "W"].map(green).into(), offset_s: None };
    Entry { plan: Some(plan), limits: None, ..limits(name, days, from, to) }
}

fn schedule(zone: Tz, entries: Vec<Entry>) -> Schedule {
    assert_eq!(problems(&entries, &junction(), LIMITS), Vec::<String>::new());
    Schedule { zone, entries, holidays: BTreeSet::new() }
}

fn utc(text: &str) -> UnixMs {
    UnixMs::parse(text).expect("the test's time is one")
}

fn name_at(schedule: &Schedule, now: UnixMs) -> Option<&str> {
    schedule.at(now).map(|holds| holds.entry.name.as_str())
}

/// What a clock on the wall and a calendar say, without a change of clocks.
fn by_the_wall(local: NaiveDateTime) -> Option<&'static str> {
    let (day, time) = (local.weekday().num_days_from_monday(), local.time());
    let at = |hour: u32, minute: u32| NaiveTime::from_hms_opt(hour, minute, 0).expect("a time of day");
    if day < 5 && time >= at(7, 0) && time < at(10, 30) {
        Some("morning")
    } else if time >= at(22, 15) || time < at(5, 45) {
        Some("night")
    } else if day == 6 && time >= at(10, 0) {
        Some("sunday")
    } else {
        None
    }
}

const DAILY: &str = "mon tue wed thu fri sat sun";

fn week() -> Vec<Entry> {
    vec![
        limits("morning", "mon tue wed thu fri", "07:00", "10:30"),
        limits("night", DAILY, "22:15", "05:45"),
        limits("sunday", "sun", "10:00", "22:15"),
    ]
}

#[test]
fn every_second_of_a_day_and_over_midnight_is_as_the_clock_on_the_wall_says() {
    let zone = Tz::Asia__Kolkata;
    let schedule = schedule(zone, week());
    // Saturday noon to Monday noon in India.
    let (from, to) = (utc("2026-02-07T06:30:00Z"), utc("2026-02-09T06:30:00Z"));
    let (mut now, mut due, mut before) = (from, from, None);
    let mut changes = 0;
    while now < to {
        let local = zone.timestamp_millis_opt(now.0).unwrap().naive_local();
        // Looking only when it is due sees the same as looking every second.
        if due <= now {
            due = schedule.next_change(now);
            let holds = name_at(&schedule, now);
            changes += i32::from(holds != before);
            before = holds;
        }
        assert_eq!(before, by_the_wall(local), "{local}");
        assert!(due > now);
        now = now + 1000;
    }
    assert_eq!(changes, 7);
}

#[test]
fn the_end_of_an_entry_is_told() {
    let schedule = schedule(Tz::Asia__Kolkata, week());
    // 23:00 on Saturday in India.
    let holds = schedule.at(utc("2026-02-07T17:30:00Z")).unwrap();
    assert_eq!((holds.entry.name.as_str(), schedule.clock(holds.until)), ("night", "05:45".to_owned()));
    assert_eq!(holds.until, utc("2026-02-08T00:15:00Z"));
}

#[test]
fn a_change_of_clocks_neither_repeats_nor_loses_an_entry() {
    let zone = Tz::Europe__Berlin;
    let entries = || {
        vec![
            limits("before", "sat sun", "00:00", "02:30"),
            limits("within", "sat sun", "02:30", "02:45"),
            limits("after", "sat sun", "02:45", "04:00"),
        ]
    };
    let minutes = |from: &str, to: &str| {
        let schedule = schedule(zone, entries());
        let (mut now, to) = (utc(from), utc(to));
        let mut runs: Vec<(String, i32)> = Vec::new();
        while now < to {
            let name = name_at(&schedule, now).unwrap_or("none").to_owned();
            match runs.last_mut().filter(|run| run.0 == name) {
                Some(run) => run.1 += 1,
                None => runs.push((name, 1)),
            }
            now = now + 60_000;
        }
        runs
    };
    let run = |name: &str, minutes: i32| (name.to_owned(), minutes);
    // An ordinary day.
    assert_eq!(
        minutes("2026-03-27T23:00:00Z", "2026-03-28T04:00:00Z"),
        [run("before", 150), run("within", 15), run("after", 75), run("none", 60)]
    );
    // From 02:00 to 03:00: what lies within the hour that is skipped does not happen.
    assert_eq!(
        minutes("2026-03-28T23:00:00Z", "2026-03-29T03:00:00Z"),
        [run("before", 120), run("after", 60), run("none", 60)]
    );
    // From 03:00 back to 02:00: each entry starts once, the last one goes on.
    assert_eq!(
        minutes("2026-10-24T22:00:00Z", "2026-10-25T04:00:00Z"),
        [run("before", 150), run("within", 15), run("after", 135), run("none", 60)]
    );
}

#[test]
fn the_answer_depends_on_the_time_alone_however_the_clock_is_set() {
    let schedule = schedule(Tz::Asia__Kolkata, week());
    let times =
        ["2026-02-07T17:30:00Z", "2026-02-09T02:00:00Z", "2026-02-07T17:30:00Z", "1970-01-01T00:00:00Z"];
    let names: Vec<_> = times.iter().map(|time| name_at(&schedule, utc(time))).collect();
    assert_eq!(names, [Some("night"), Some("morning"), Some("night"), Some("night")]);
    assert!(schedule.next_change(utc("1970-01-01T00:00:00Z")) < utc("1970-01-02T00:00:00Z"));
    let empty = Schedule::default();
    assert_eq!((empty.at(UnixMs(i64::MAX)), empty.at(UnixMs(i64::MIN))), (None, None));
}

#[test]
fn a_holiday_is_no_weekday() {
    let mut entries = week();
    entries.push(limits("feast", "holiday", "00:00", "24:00"));
    let mut schedule = schedule(Tz::Asia__Kolkata, entries);
    // Monday 2026-01-26, Republic Day.
    schedule.holidays.insert("2026-01-26".parse().unwrap());
    let at = |local: &str| name_at(&schedule, utc(&format!("2026-01-{local}:00+05:30"))).map(str::to_owned);
    let expected = [
        ("25T23:59", Some("night")),
        ("26T00:00", Some("feast")),
        ("26T08:00", Some("feast")),
        ("26T23:59", Some("feast")),
        ("27T00:00", None),
        ("27T08:00", Some("morning")),
    ];
    for (time, name) in expected {
        assert_eq!(at(time).as_deref(), name, "{time}");
    }
    // The night of the day before ends when the holiday's entry starts.
    let night = schedule.at(utc("2026-01-25T23:00:00+05:30")).unwrap();
    assert_eq!(night.until, utc("2026-01-26T00:00:00+05:30"));
}

#[test]
fn a_fixed_plan_goes_before_limits() {
    let entries = vec![limits("day", DAILY, "06:00", "22:00"), fixed("school", DAILY, "08:00", "09:00")];
    let schedule = schedule(Tz::UTC, entries);
    let names = ["07:59", "08:00", "08:59", "09:00"]
        .map(|time| name_at(&schedule, utc(&format!("2026-02-10T{time}:00Z"))));
    assert_eq!(names, [Some("day"), Some("school"), Some("school"), Some("day")]);
    assert_eq!(schedule.next_change(utc("2026-02-10T07:00:00Z")), utc("2026-02-10T08:00:00Z"));
}

#[test]
fn every_broken_rule_is_told_with_its_entry() {
    let told = |entries: &[Entry]| problems(entries, &junction(), LIMITS);
    assert_eq!(
        told(&[limits("a", "mon", "22:00", "06:00"), limits("b", "tue", "05:59", "07:00")]),
        ["entries \"a\" and \"b\" overlap on mon"]
    );
    assert_eq!(
        told(&[limits("a", "sun", "22:00", "06:00"), limits("b", "mon tue", "00:00", "00:30")]),
        ["entries \"a\" and \"b\" overlap on sun"],
        "a week is a ring"
    );
    assert_eq!(
        told(&[limits("a", "mon", "08:00", "09:00"), limits("b", "mon", "07:00", "10:00")]),
        ["entries \"a\" and \"b\" overlap on mon"]
    );
    assert!(told(&[limits("a", "mon", "07:00", "08:00"), limits("b", "mon", "08:00", "09:00")]).is_empty());
    assert!(told(&[limits("a", "mon", "07:00", "07:00"), limits("b", "tue", "07:00", "08:00")]).is_empty());
    let bad = |json: &str| told(&[entry(json)]);
    let with =
        |rest: &str| format!(r#"{{"name": "x", "days": ["mon"], "from": "07:00", "to": "08:00"{rest}}}"#);
    assert_eq!(bad(&with("")), ["entry \"x\": it has either a plan or limits"]);
    assert_eq!(
        bad(&with(r#", "limits": {"min_cycle_s": 130, "max_cycle_s": 40, "min_green_s": 0}"#)),
        [
            "entry \"x\": min_cycle_s 130 is outside the junction's 30 to 120 s",
            "entry \"x\": min_green_s lies between 1 and 3600",
            "entry \"x\": min_cycle_s 130 is longer than max_cycle_s 40",
        ]
    );
    let plan = |north_s: u32, offset_s: u32| {
        let green = |stage: &str, green_s: u32| format!(r#"{{"stage": "{stage}", "green_s": {green_s}}}"#);
        let greens = [green("N", north_s), green("S", 20), green("E", 20), green("W", 20)].join(", ");
        bad(&with(&format!(r#", "plan": {{"stages": [{greens}], "offset_s": {offset_s}}}"#)))
    };
    assert_eq!(plan(5, 0), ["entry \"x\": stage \"N\": green_s of 5 s is outside 7 to 60 s"]);
    assert_eq!(plan(20, 100), ["entry \"x\": offset_s 100 is not shorter than the cycle of 100 s"]);
    let twice = told(&[limits("a", "mon", "07:00", "08:00"), limits("a", "tue", "07:00", "08:00")]);
    assert_eq!(twice, ["entry \"a\": another entry has the same name"]);
    assert_eq!(told(&[limits(" a", "mon", "07:00", "08:00")]).len(), 1);
    let many = vec![limits("a", "mon", "07:00", "08:00"); MAX_ENTRIES + 1];
    assert_eq!(told(&many), ["a schedule has at most 100 entries"]);
}

#[test]
fn times_of_day_are_read_strictly() {
    for good in ["00:00", "07:05", "23:59"] {
        assert_eq!(ClockTime::parse(good).unwrap().to_string(), good);
    }
    assert_eq!(ClockTime::parse("24:00").unwrap().to_string(), "00:00");
    for bad in ["7:00", "07:60", "24:01", "25:00", "07.00", "+7:00", "07:00:00", "", ":"] {
        assert_eq!(ClockTime::parse(bad), None, "{bad}");
    }
    assert_eq!(ClockTime::of(NaiveTime::from_hms_opt(7, 5, 9).unwrap()).time().minute(), 5);
}
