//! Uptimes one after the other, with and without a time service.

use super::*;

const DAY: i64 = 86_400_000;
const KNOWN: i64 = 1_000_000_000_000;

/// What a row says of its time: end of the interval, and whether the clock was trusted.
fn told(outgoing: &[Outgoing], boot: u128) -> Vec<(i64, ClockState)> {
    let counts = outgoing.iter().filter_map(|row| decode::<CarCounts>(row.payload.as_bytes()).ok());
    let told = counts.filter_map(|counts| {
        let delivery = counts.delivery?;
        (delivery.boot_id == BootId(Uuid::from_u128(boot))).then_some((counts.timestamp?.0, delivery.clock))
    });
    told.collect()
}

fn fixes(outgoing: &[Outgoing]) -> Vec<(BootId, i64)> {
    let fixes = outgoing.iter().filter_map(|row| decode::<ClockFix>(row.payload.as_bytes()).ok());
    fixes.map(|fix| (fix.delivery.boot_id, fix.offset_ms)).collect()
}

#[test]
fn uptimes_that_never_knew_the_time_come_after_what_was_known_before() {
    let folder = folder();
    let mut outbox = open(&setup(&folder, 1));
    outbox.commit(&rows(&[10_000]), &synced(DAY)).unwrap();
    let known = synced(DAY).wall;
    assert_eq!(outbox.earliest(), known);
    drop(outbox);
    // Two uptimes in 1970, the second of which is a little ahead of what is known; then one with a time service.
    for (boot, wall) in [(2, 0), (3, known.0 + 5 * DAY)] {
        let now = |mono: i64| at(mono, wall + mono, ClockState::Unsynced);
        let mut outbox = Outbox::open(&setup(&folder, boot), &now(0)).unwrap();
        outbox.commit(&rows(&[10_000, 20_000]), &now(21_000)).unwrap();
        assert_eq!(outbox.earliest(), known, "a clock that nobody vouches for makes nothing known");
        assert!(outbox.status(&now(21_000)).unwrap().oldest_s < 7 * 86_400);
    }
    let now = |mono: i64| at(mono, known.0 + 9 * DAY + mono, ClockState::Synced);
    let mut outbox = Outbox::open(&setup(&folder, 4), &now(0)).unwrap();
    outbox.commit(&rows(&[10_000]), &now(11_000)).unwrap();
    let sent = outbox.next(ALL, &NONE, &now(12_000)).unwrap();
    assert_eq!(told(&sent, 1), [(KNOWN + 10_000, ClockState::Synced)]);
    let unsynced = |ends: [i64; 2]| ends.map(|end| (end, ClockState::Unsynced));
    assert_eq!(told(&sent, 2), unsynced([known.0 + 10_000, known.0 + 20_000]));
    assert_eq!(told(&sent, 3), unsynced([known.0 + 5 * DAY + 10_000, known.0 + 5 * DAY + 20_000]));
    assert_eq!(told(&sent, 4), [(known.0 + 9 * DAY + 10_000, ClockState::Synced)]);
    assert_eq!(fixes(&sent), [], "nobody knows more of the uptimes without a time service");
}

#[test]
fn each_uptime_is_corrected_by_its_own_clock() {
    let folder = folder();
    let mut fixed = Vec::new();
    for boot in 1..=3_u128 {
        let (early, late) = (boot as i64 * 1000, KNOWN + boot as i64 * DAY);
        let unsynced = |mono: i64| at(mono, early + mono, ClockState::Unsynced);
        let mut outbox = Outbox::open(&setup(&folder, boot), &unsynced(0)).unwrap();
        outbox.commit(&rows(&[10_000]), &unsynced(11_000)).unwrap();
        let sent = outbox.next(ALL, &NONE, &unsynced(12_000)).unwrap();
        assert_eq!(told(&sent, boot)[0].1, ClockState::Unsynced);
        fixed.push((BootId(Uuid::from_u128(boot)), late));
        outbox.commit(&rows(&[20_000]), &at(21_000, late + 21_000, ClockState::Synced)).unwrap();
        // Sent by the next uptime, with the clock of this one.
        let sent = outbox.next(ALL, &NONE, &at(22_000, late + 22_000, ClockState::Synced)).unwrap();
        assert!(told(&sent, boot).contains(&(late + 20_000, ClockState::Synced)), "{sent:?}");
        let mut sent = fixes(&sent);
        sent.sort_unstable();
        assert_eq!(sent, fixed, "one each");
    }
}

#[test]
fn a_clock_that_is_set_by_hand_after_the_time_service_was_lost_changes_nothing() {
    let folder = folder();
    let mut outbox = open(&setup(&folder, 1));
    outbox.commit(&rows(&[10_000]), &synced(11_000)).unwrap();
    let by_hand = |mono: i64| at(mono, 5 * DAY + mono, ClockState::Unsynced);
    outbox.commit(&rows(&[20_000]), &by_hand(21_000)).unwrap();
    let sent = outbox.next(ALL, &NONE, &by_hand(22_000)).unwrap();
    let expected = [KNOWN + 20_000, KNOWN + 10_000].map(|end| (end, ClockState::Synced));
    assert_eq!(told(&sent, 1), expected);
    drop(outbox);
    // Nor does a restart of the agent.
    let mut outbox = Outbox::open(&setup(&folder, 1), &by_hand(30_000)).unwrap();
    outbox.commit(&rows(&[40_000]), &by_hand(41_000)).unwrap();
    let sent = outbox.next(ALL, &NONE, &by_hand(42_000)).unwrap();
    assert!(told(&sent, 1).contains(&(KNOWN + 40_000, ClockState::Synced)));
    assert_eq!(fixes(&sent), []);
}

#[test]
fn a_time_service_that_steps_the_clock_back_is_followed() {
    let folder = folder();
    let mut outbox = open(&setup(&folder, 1));
    outbox.commit(&rows(&[10_000]), &synced(11_000)).unwrap();
    let back = |mono: i64| at(mono, KNOWN - DAY + mono, ClockState::Synced);
    outbox.commit(&rows(&[20_000]), &back(21_000)).unwrap();
    let sent = outbox.next(ALL, &NONE, &back(22_000)).unwrap();
    let ends: Vec<i64> = told(&sent, 1).iter().map(|told| told.0).collect();
    assert_eq!(ends, [KNOWN - DAY + 20_000, KNOWN - DAY + 10_000]);
    assert_eq!(outbox.earliest(), back(21_000).wall, "what it said before was wrong");
}

#[test]
fn a_time_service_that_was_wrong_once_dates_no_later_uptime() {
    let folder = folder();
    let wrong = |mono: i64| at(mono, KNOWN + 5000 * DAY + mono, ClockState::Synced);
    let mut outbox = Outbox::open(&setup(&folder, 1), &wrong(0)).unwrap();
    outbox.commit(&rows(&[10_000]), &wrong(11_000)).unwrap();
    // It is right again, with nothing to store then.
    outbox.commit(&Batch::default(), &synced(21_000)).unwrap();
    assert_eq!(outbox.earliest(), synced(21_000).wall);
    drop(outbox);
    let unsynced = |mono: i64| at(mono, mono, ClockState::Unsynced);
    let mut outbox = Outbox::open(&setup(&folder, 2), &unsynced(0)).unwrap();
    outbox.commit(&rows(&[10_000]), &unsynced(11_000)).unwrap();
    let sent = outbox.next(ALL, &NONE, &unsynced(12_000)).unwrap();
    assert_eq!(told(&sent, 2), [(synced(21_000).wall.0 + 10_000, ClockState::Unsynced)]);
}

#[test]
fn what_was_sent_before_the_file_was_set_aside_is_corrected_by_the_next_one() {
    let unsynced = |mono: i64| at(mono, mono, ClockState::Unsynced);
    // Set aside while it is open, or found to be another junction's by the next process of the uptime.
    for is_open in [true, false] {
        let folder = folder();
        let mut outbox = Outbox::open(&setup(&folder, 1), &unsynced(0)).unwrap();
        outbox.commit(&rows(&[10_000]), &unsynced(11_000)).unwrap();
        assert_eq!(told(&outbox.next(ALL, &NONE, &unsynced(12_000)).unwrap(), 1)[0].1, ClockState::Unsynced);
        if is_open {
            outbox.start_anew("a test", &unsynced(13_000)).unwrap();
        } else {
            drop(outbox);
            std::fs::write(folder.path().join("outbox.db"), "no database").unwrap();
            outbox = Outbox::open(&setup(&folder, 1), &unsynced(13_000)).unwrap();
        }
        // It sends nothing before the clock is right.
        outbox.commit(&rows(&[20_000]), &synced(21_000)).unwrap();
        let sent = outbox.next(ALL, &NONE, &synced(22_000)).unwrap();
        assert_eq!(fixes(&sent), [(BootId(Uuid::from_u128(1)), KNOWN)]);
        outbox.commit(&rows(&[30_000]), &synced(31_000)).unwrap();
        assert_eq!(fixes(&outbox.next(ALL, &NONE, &synced(32_000)).unwrap()).len(), 1, "once");
    }
}

#[test]
fn what_is_known_of_the_time_outlives_the_file() {
    let folder = folder();
    let mut outbox = open(&setup(&folder, 1));
    outbox.commit(&rows(&[10_000]), &synced(11_000)).unwrap();
    let by_hand = |mono: i64| at(mono, 5 * DAY + mono, ClockState::Unsynced);
    outbox.start_anew("a test", &by_hand(12_000)).unwrap();
    outbox.commit(&rows(&[20_000]), &by_hand(21_000)).unwrap();
    drop(outbox);
    let mut outbox = Outbox::open(&setup(&folder, 1), &by_hand(22_000)).unwrap();
    let sent = outbox.next(ALL, &NONE, &by_hand(23_000)).unwrap();
    assert_eq!(told(&sent, 1), [(KNOWN + 20_000, ClockState::Synced)]);
    assert_eq!((fixes(&sent), outbox.earliest()), (Vec::new(), synced(12_000).wall));
}

#[test]
fn a_machine_that_boots_for_ever_does_not_fill_the_file() {
    let folder = folder();
    let mut outbox = open(&setup(&folder, 1));
    outbox.commit(&rows(&[10_000]), &synced(11_000)).unwrap();
    drop(outbox);
    for boot in 2..80 {
        drop(open(&setup(&folder, boot)));
    }
    let mut outbox = open(&setup(&folder, 80));
    let boots: i64 = outbox.connection.query_row("SELECT count(*) FROM boots", [], |row| row.get(0)).unwrap();
    assert_eq!(boots, 17, "the last ones, and the one of the row");
    let sent = outbox.next(ALL, &NONE, &at(0, 0, ClockState::Unsynced)).unwrap();
    assert_eq!(told(&sent, 1), [(KNOWN + 10_000, ClockState::Synced)]);
}
