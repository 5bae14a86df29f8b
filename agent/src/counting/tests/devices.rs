//! Several devices at one junction.

use super::super::shared::{DELAY_MS, SETTLE_MS, STORE_MS};
use super::{CONFIG, Counter, NORTH, PassageState, SOUTH, ToldPassage, counts, pass, read, stored, tag};
use flextraff_common::time::MonoMs;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

fn told(number: u8, counts: bool) -> ToldPassage {
    ToldPassage { epc: tag(number), prev: None, counts }
}

fn device() -> Counter {
    let mut counter = Counter::new(CONFIG, 2, Vec::new(), MonoMs(0), &[]);
    counter.handle_other_device(MonoMs(0));
    counter
}

/// What a device tells when its disk has what it knows.
fn told_by(counter: &mut Counter) -> Vec<ToldPassage> {
    counter.handle_stored();
    counter.take_told()
}

fn counted(mut counter: Counter, to: i64) -> usize {
    pass(&mut counter, to);
    counts(&counter.take().intervals).iter().map(|row| row.2).sum()
}

#[test]
fn of_two_that_see_it_at_once_the_first_in_order_counts() {
    let (mut first, mut second) = (device(), device());
    first.handle_read(&read(100, NORTH, tag(1)));
    second.handle_read(&read(90, SOUTH, tag(1)));
    let (by_first, by_second) = (told_by(&mut first), told_by(&mut second));
    assert_eq!((&by_first[..], &by_second[..]), (&[told(1, true)][..], &[told(1, true)][..]));
    first.handle_told(&by_second[0], false, MonoMs(300));
    second.handle_told(&by_first[0], true, MonoMs(300));
    second.handle_read(&read(600, SOUTH, tag(1)));
    assert_eq!(second.take_told(), [told(1, false)], "it goes on holding the passage open");
    assert_eq!((counted(first, 60_000), counted(second, 60_000)), (1, 0));
}

#[test]
fn who_hears_of_it_before_its_own_read_leaves_it_to_the_teller_also_when_that_one_is_last_in_order() {
    let mut first = device();
    first.handle_told(&told(1, true), false, MonoMs(100));
    for at in (2000..30_000).step_by(3000) {
        first.handle_read(&read(at, NORTH, tag(1)));
    }
    assert!(first.take_told().iter().all(|told| !told.counts));
    // Nobody has seen it for the absence: another passage.
    first.handle_read(&read(39_100, NORTH, tag(1)));
    assert_eq!(counted(first, 90_000), 1);
}

#[test]
fn a_passage_that_a_row_has_counted_stays_and_other_devices_hold_it_open() {
    let mut second = device();
    second.handle_read(&read(0, NORTH, tag(1)));
    pass(&mut second, 5000 + SETTLE_MS - 1);
    assert_eq!(counts(&second.take().intervals), [], "the others may still tell that they count it");
    pass(&mut second, 5000 + SETTLE_MS);
    let flush = second.take();
    assert_eq!(counts(&flush.intervals), [(NORTH, 0, 1)]);
    second.handle_told(&told(1, true), true, MonoMs(8100));
    second.handle_read(&read(17_000, NORTH, tag(1)));
    pass(&mut second, 60_000);
    let rest = second.take();
    assert_eq!(counts(&rest.intervals), []);
    let departed: Vec<_> =
        rest.intervals.iter().flat_map(|row| &row.departures).map(|one| (one.dwell_ms, one.reads)).collect();
    assert_eq!(departed, [(17_000, 2)], "its own reads only");
    assert_eq!(stored(stored(Vec::new(), &flush.passages), &rest.passages), []);
}

#[test]
fn alone_nobody_is_told_and_others_are_forgotten_after_a_minute() {
    let mut counter = Counter::new(CONFIG, 2, Vec::new(), MonoMs(0), &[]);
    counter.handle_read(&read(0, NORTH, tag(1)));
    assert!(!counter.has_told());
    counter.handle_other_device(MonoMs(1000));
    counter.handle_read(&read(1000, NORTH, tag(1)));
    assert_eq!(told_by(&mut counter).len(), 1);
    counter.handle_read(&read(1400, NORTH, tag(1)));
    counter.handle_read(&read(1500, NORTH, tag(1)));
    counter.handle_read(&read(1900, NORTH, tag(1)));
    assert_eq!(counter.take_told().len(), 1, "twice a second at most");
    counter.handle_read(&read(61_000, NORTH, tag(2)));
    assert!(!counter.has_claims() && !counter.has_told());
}

#[test]
fn a_claim_that_a_kill_undoes_has_reached_nobody() {
    let (mut first, mut second) = (device(), device());
    first.handle_read(&read(0, NORTH, tag(1)));
    for told in first.take_told() {
        second.handle_told(&told, true, MonoMs(200));
    }
    // The first is killed before its commit, and starts anew. The vehicle waits at red and is seen by both.
    drop(first);
    let mut first = device();
    for at in (500..48_000).step_by(500) {
        second.handle_read(&read(at, SOUTH, tag(1)));
        for told in told_by(&mut second) {
            first.handle_told(&told, false, MonoMs(at + 100));
        }
        first.handle_read(&read(at + 200, NORTH, tag(1)));
        for told in told_by(&mut first) {
            second.handle_told(&told, true, MonoMs(at + 300));
        }
    }
    assert_eq!(counted(first, 90_000) + counted(second, 90_000), 1);
}

#[test]
fn nobody_leaves_a_vehicle_to_one_that_leaves_it_too() {
    let mut counter = device();
    for at in (0..48_000).step_by(500) {
        counter.handle_told(&told(1, false), at % 1000 == 0, MonoMs(at));
        counter.handle_read(&read(at + 100, NORTH, tag(1)));
    }
    assert_eq!(counted(counter, 90_000), 1);
}

#[test]
fn what_the_disk_does_not_have_is_taken_back_for_whoever_tells_that_it_counts() {
    let mut first = device();
    first.handle_read(&read(0, NORTH, tag(1)));
    first.handle_told(&told(1, true), false, MonoMs(1200));
    first.handle_read(&read(1300, NORTH, tag(1)));
    assert_eq!(told_by(&mut first), [told(1, false)]);
    assert_eq!(counted(first, 60_000), 0);
}

#[test]
fn whom_it_has_counted_before_the_machine_started_it_leaves_to_those_who_leave_it() {
    let mut counter = device();
    counter.remember([tag(1)].into_iter(), MonoMs(0));
    for number in [1, 2] {
        counter.handle_told(&told(number, false), false, MonoMs(5000));
        counter.handle_read(&read(5100, NORTH, tag(number)));
    }
    pass(&mut counter, 60_000);
    let rows = counter.take().intervals;
    let passages: Vec<_> = rows.iter().flat_map(|row| &row.passages).map(|one| one.epc).collect();
    assert_eq!(passages, [tag(2)]);
}

#[test]
fn who_counts_says_so_again_to_one_that_has_not_heard_it() {
    let (mut first, mut second) = (device(), device());
    first.handle_read(&read(0, NORTH, tag(1)));
    // That is lost.
    assert_eq!(told_by(&mut first), [told(1, true)]);
    second.handle_read(&read(2000, SOUTH, tag(1)));
    let claim = told_by(&mut second);
    assert_eq!(claim, [told(1, true)]);
    first.handle_told(&claim[0], false, MonoMs(3000));
    let again = first.take_told();
    assert_eq!(again, [told(1, true)]);
    second.handle_told(&again[0], true, MonoMs(3500));
    assert!(second.take_told().is_empty(), "the answer is not answered");
    assert_eq!((counted(first, 60_000), counted(second, 60_000)), (1, 0));
}

#[test]
fn a_claim_is_told_under_the_name_that_the_vehicle_has_by_then() {
    let mut counter = device();
    counter.handle_read(&read(0, NORTH, tag(1)));
    let renamed = ToldPassage { epc: tag(2), prev: Some(tag(1)), counts: false };
    counter.handle_told(&renamed, true, MonoMs(300));
    assert_eq!(told_by(&mut counter), [ToldPassage { counts: true, ..renamed }]);
}

/// What happens, milliseconds after what was before: a read with device, lane and tag, or a kill of a device and for how long it is away.
#[derive(Clone, Debug)]
enum Step {
    Read(i64, (usize, usize, u8)),
    Kill(i64, usize, i64),
}

/// A device, its clock, and what its disk has.
struct Device {
    /// None while it is away.
    counter: Option<Counter>,
    back_at: i64,
    /// How far its clock is ahead, and with it the ends of its intervals and its commits.
    ahead_ms: i64,
    store: Vec<PassageState>,
    counted: Vec<flextraff_common::epc::Epc>,
    /// Vehicles that it has read since its last commit.
    fresh: Vec<u8>,
    next_commit: i64,
}

impl Device {
    fn start(&mut self, now: i64) {
        let at = MonoMs(now + self.ahead_ms);
        let mut counter = Counter::new(CONFIG, 2, Vec::new(), at, &self.store);
        counter.handle_other_device(at);
        (self.counter, self.next_commit) = (Some(counter), now + STORE_MS);
    }

    /// Stores what it knows; the vehicles that it has read by then.
    fn commit(&mut self, now: i64) -> Vec<u8> {
        self.next_commit = now + STORE_MS;
        let Some(counter) = &mut self.counter else { return Vec::new() };
        let flush = counter.take();
        self.store = stored(std::mem::take(&mut self.store), &flush.passages);
        self.counted.extend(flush.intervals.iter().flat_map(|row| &row.passages).map(|one| one.epc));
        counter.handle_stored();
        std::mem::take(&mut self.fresh)
    }
}

/// Three devices, each with a clock of its own, and what is on its way between them.
struct Junction<D> {
    devices: Vec<Device>,
    now: i64,
    /// When it arrives, from whom, to whom.
    letters: Vec<(i64, usize, usize, ToldPassage)>,
    /// For how long each message is on the way, none if it is lost.
    on_the_way: D,
    /// Vehicles of which a device has a read that no kill undoes.
    due: BTreeSet<u8>,
}

impl<D: FnMut() -> Option<i64>> Junction<D> {
    fn new(ahead_ms: &[i64], on_the_way: D) -> Self {
        let devices = ahead_ms.iter().map(|ahead_ms| {
            let mut device = Device {
                counter: None,
                back_at: 0,
                ahead_ms: *ahead_ms,
                store: Vec::new(),
                counted: Vec::new(),
                fresh: Vec::new(),
                next_commit: 0,
            };
            device.start(0);
            // Not all commit at once.
            device.next_commit = ahead_ms % STORE_MS;
            device
        });
        let devices = devices.collect();
        Self { devices, now: 0, letters: Vec::new(), on_the_way, due: BTreeSet::new() }
    }

    fn pass(&mut self, to: i64) {
        loop {
            self.letters.sort_by_key(|letter| letter.0);
            let letter = self.letters.first().map(|letter| letter.0);
            let starts = self.devices.iter().filter(|device| device.counter.is_none()).map(|one| one.back_at);
            let commits = self.devices.iter().map(|device| device.next_commit);
            let next = commits.chain(starts).chain(letter).min().unwrap_or(to);
            if next > to {
                break;
            }
            self.now = self.now.max(next);
            self.step();
        }
        self.now = to;
        for device in &mut self.devices {
            if let Some(counter) = &mut device.counter {
                pass(counter, to + device.ahead_ms);
            }
        }
    }

    /// What is due now.
    fn step(&mut self) {
        let now = self.now;
        for device in self.devices.iter_mut().filter(|one| one.counter.is_none() && one.back_at <= now) {
            device.start(now);
        }
        let due = self.letters.partition_point(|letter| letter.0 <= now);
        for (_, from, to, passage) in self.letters.drain(..due) {
            let device = &mut self.devices[to];
            let at = now + device.ahead_ms;
            if let Some(counter) = &mut device.counter {
                pass(counter, at);
                counter.handle_other_device(MonoMs(at));
                counter.handle_told(&passage, from < to, MonoMs(at));
            }
        }
        for device in 0..self.devices.len() {
            let one = &mut self.devices[device];
            if let Some(counter) = &mut one.counter {
                pass(counter, now + one.ahead_ms);
            }
            if one.next_commit <= now {
                let lasting = one.commit(now);
                self.due.extend(lasting);
            }
            self.send(device);
        }
    }

    /// What a device has to tell goes on its way.
    fn send(&mut self, from: usize) {
        let told = self.devices[from].counter.as_mut().map(Counter::take_told).unwrap_or_default();
        for passage in told {
            for to in (0..self.devices.len()).filter(|to| *to != from) {
                self.letters.extend((self.on_the_way)().map(|ms| (self.now + ms, from, to, passage)));
            }
        }
    }

    fn read(&mut self, (device, lane, number): (usize, usize, u8)) {
        let (now, one) = (self.now, &mut self.devices[device]);
        let Some(counter) = &mut one.counter else { return };
        counter.handle_read(&read(now + one.ahead_ms, lane, tag(number)));
        one.fresh.push(number);
        self.send(device);
    }

    /// What the device has not committed is gone.
    fn kill(&mut self, device: usize, away_ms: i64) {
        let one = &mut self.devices[device];
        (one.counter, one.back_at) = (None, self.now + away_ms);
        one.fresh.clear();
    }

    /// How often a vehicle counts, all devices together.
    fn counted(&mut self) -> impl Fn(u8) -> usize + use<D> {
        self.pass(self.now + 100_000);
        let all: Vec<_> = self.devices.iter().flat_map(|device| device.counted.clone()).collect();
        move |number| all.iter().filter(|epc| **epc == tag(number)).count()
    }
}

#[test]
fn a_vehicle_just_before_the_end_of_an_interval_counts_once_with_the_longest_delay() {
    for (first, second) in [(0, 1), (1, 0)] {
        let mut junction = Junction::new(&[0, 0], || Some(DELAY_MS));
        // The first has just committed when it reads it; the second commits its own claim right before it hears of the first one's.
        junction.devices[first].next_commit = 998;
        junction.devices[second].next_commit = 490;
        junction.pass(4999);
        junction.read((first, NORTH, 1));
        junction.pass(7400);
        junction.read((second, SOUTH, 1));
        assert_eq!(junction.counted()(1), 1, "{first} sees it first");
    }
}

fn step() -> impl Strategy<Value = Step> {
    let read = (0_i64..900, (0_usize..3, 0_usize..2, 0_u8..3)).prop_map(|(gap, read)| Step::Read(gap, read));
    let kill =
        (0_i64..900, 0_usize..3, 0_i64..15_000).prop_map(|(gap, one, away)| Step::Kill(gap, one, away));
    prop_oneof![9 => read, 1 => kill]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    /// Messages are lost, and late by anything; devices are killed at any moment: no vehicle is missed of which a device has committed a read. When
    /// no message is lost or too late, and nobody is killed, none counts twice.
    #[test]
    fn no_vehicle_is_missed_whatever_is_lost_and_none_counts_twice_when_nothing_is(
        steps in prop::collection::vec(step(), 1..60),
        kills in any::<bool>(),
        ahead_ms in prop::collection::vec(0_i64..5000, 3),
        late_ms in prop_oneof![Just(DELAY_MS), 0_i64..20_000],
        lost in prop_oneof![Just(0_u32), 0_u32..100],
        draws in prop::collection::vec((0_u32..100, 0_i64..=100), 64),
    ) {
        let mut draw = draws.iter().cycle();
        let mut junction = Junction::new(&ahead_ms, || {
            let (chance, part) = draw.next().expect("a cycle");
            (*chance >= lost).then_some(late_ms * part / 100)
        });
        let mut now = 0;
        // When each vehicle was seen last, and whether it has been away for so long that it may count again.
        let mut seen = BTreeMap::<u8, (i64, bool)>::new();
        for step in &steps {
            let (Step::Read(gap, ..) | Step::Kill(gap, ..)) = step;
            now += gap;
            junction.pass(now);
            match *step {
                Step::Read(_, read) => {
                    junction.read(read);
                    // A device knows of others' reads as they tell them, at most twice a second and once it is stored, when that has arrived.
                    let is_away = |(last, _): &(i64, bool)| {
                        now - last >= CONFIG.absence_ms - STORE_MS - DELAY_MS
                    };
                    let again = seen.get(&read.2).is_some_and(|seen| seen.1 || is_away(seen));
                    seen.insert(read.2, (now, again));
                }
                Step::Kill(_, device, away_ms) if kills => junction.kill(device, away_ms),
                Step::Kill(..) => {}
            }
        }
        let counted = junction.counted();
        for (number, (_, again)) in seen {
            let times = counted(number);
            prop_assert!(times >= 1 || !junction.due.contains(&number), "tag {number} is missed");
            if lost == 0 && late_ms <= DELAY_MS && !again && !kills {
                prop_assert_eq!(times, 1, "tag {} counts more than once", number);
            }
        }
    }
}
