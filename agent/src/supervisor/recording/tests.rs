use super::super::intake::{self, Intake, ReadsIntake};
use super::files::Files;
use super::*;
use crate::config::{self, ClockTrust, Privacy};
use crate::identity::{KeptKeys, Names, Sighting};
use crate::outbox::Room;
use crate::reader::Read;
use crate::signal::{CycleRecord, StageRecord};
use crate::supervisor::recorder::{Cause, Losses, NOT_USABLE};
use flextraff_common::hires::{Event, EventCode};
use flextraff_common::ids::DeviceId;
use flextraff_common::junction::{LaneIx, StageIx};
use flextraff_common::time::{ClockState, MonoMs};
use flextraff_common::wire::{
    CarCounts, Cycles, Demand, DemandPassage, Events, Gap, GreenTime, Mode, StageEnd, ZoneName, decode,
};
use std::path::Path;
use std::sync::mpsc;

const START: i64 = 100_000;
/// How long a test waits for anything before it fails.
const PATIENCE: Duration = Duration::from_mins(1);
const ROOM: Room = Room { rows: 1000, bytes: 1 << 20 };

fn moment(ms: i64) -> Moment {
    Moment { mono: MonoMs(ms), wall: UnixMs(1_770_000_000_000 + ms), clock: ClockState::Synced }
}

/// The example with a reader at its first lane.
fn example() -> Arc<Config> {
    let reader = "[[reader]]\nname = \"north\"\nprotocol = \"uhfreader\"\nport = \"virtual\"\nlanes = { default = \"N\" }\n";
    let text = format!("{}\n{reader}", include_str!("../../../../config/agent.toml"));
    Arc::new(config::parse(Path::new("agent.toml"), &text).expect("the example configuration is right"))
}

fn read(ms: i64, vehicle: u32) -> Sighting {
    let read = Read {
        lane: LaneIx::new(0),
        zone: ZoneName::StopLine,
        epc: format!("34161FA8203E7CB2{:08X}", 0x0200_0000 + (vehicle << 5)).parse().expect("it is an EPC"),
        rssi: None,
        at: MonoMs(ms),
    };
    Sighting::from(&read)
}

/// What a recorder that begins at [`START`] does with what is brought, at the times of `turns`; its counts.
fn recorded(
    bring: impl FnOnce(&Intake, &ReadsIntake),
    turns: impl IntoIterator<Item = i64>,
) -> Vec<CarCounts> {
    let folder = tempfile::tempdir().expect("a folder");
    let config = at(folder.path());
    let setup = setup(&config);
    let mut lasting = Lasting::new(example());
    lasting.readers = vec![true.into()];
    let recorder = Recorder::open(example(), &setup, &moment(START)).expect("the outbox opens");
    let (intake, inputs) = intake::open();
    let (news, _inbox) = mpsc::sync_channel(64);
    let mut desk = Desk::open(recorder, &mut lasting, &news, &moment(START));
    bring(&intake, &ReadsIntake::new(intake.clone()));
    let mut last = START;
    for ms in turns {
        last = ms;
        assert_eq!(desk.turn(None, &inputs, &moment(ms)), Continue(()));
    }
    assert_eq!(inputs.waiting().count(), 0, "all was taken");
    let rows = desk.recorder.rows(ROOM, &BTreeSet::new(), &moment(last));
    rows.iter().filter_map(|row| decode(row.payload.as_bytes()).ok()).collect()
}

fn vehicles(counts: &[CarCounts]) -> i64 {
    counts.iter().map(|counts| counts.vehicle_count).sum()
}

#[test]
fn keys_and_watch_list_are_written_by_the_recorder_also_while_the_outbox_cannot_be_opened() {
    let folder = tempfile::tempdir().expect("a folder");
    let outbox = folder.path().join("outbox.sqlite");
    let (intake, inputs) = intake::open();
    intake.bring(RecorderInput::Keep(ToKeep::Keys(Box::default())));
    intake.bring(RecorderInput::Keep(ToKeep::Watched(Box::default())));
    intake.bring(RecorderInput::Stop);
    let mut lasting = Lasting { files: Files::beside(&outbox), ..Lasting::new(example()) };
    let clock = Clock::new(ClockTrust::Always);
    assert!(wait_for_disk(&mut lasting, &inputs, &clock).is_break(), "it was told to stop");
    let kept = ["keys.json", "watchlist.json"].map(|name| folder.path().join(name).exists());
    assert_eq!(kept, [true, true]);
}

#[test]
fn a_vehicle_whose_reads_waited_for_the_disk_is_one_passage() {
    // It stands for 60 s; its reads are taken in several turns.
    let long = MOST_AT_ONCE as i64 * 3;
    let bring = |_: &Intake, reads: &ReadsIntake| {
        for at in (0..long).map(|number| START + number * 60_000 / long) {
            assert!(reads.bring(0, read(at, 1)));
        }
    };
    let counts =
        recorded(bring, [[START + 61_000; 4].as_slice(), &[START + 90_000, START + 91_000]].concat());
    assert_eq!(vehicles(&counts), 1);
}

#[test]
fn what_others_told_while_the_disk_stood_still_counts_from_when_it_came() {
    // Two devices read the vehicle at once, whichever goes first; the other one stores and tells that it counts it, also while it leaves.
    for other in [1, u128::MAX] {
        let bring = |intake: &Intake, reads: &ReadsIntake| {
            assert!(reads.bring(0, read(START, 1)));
            for (ms, told) in [(200, false), (1200, true), (3000, true)] {
                let epc = read(START, 1).read.epc.to_string();
                let passages = told.then_some(DemandPassage { epc, prev: None, counts: true });
                let device = DeviceId(Uuid::from_u128(other));
                let demand = Demand {
                    passages: passages.into_iter().collect(),
                    ..Demand::new(device, moment(START + ms - 100).wall)
                };
                intake.bring(RecorderInput::Demand { demand: Box::new(demand), at: moment(START + ms) });
            }
        };
        // Its disk answers after six seconds.
        let counts = recorded(bring, [START + 6000, START + 7000, START + 30_000, START + 31_000]);
        assert_eq!(vehicles(&counts), 0, "beside {other}");
    }
}

#[test]
fn nobody_waits_for_a_disk_that_stands_still_and_what_is_missed_is_not_watched() {
    missed_reads_are_not_watched(false);
}

#[test]
fn a_cable_that_is_pulled_and_put_back_meanwhile_makes_no_zeros_of_missed_reads() {
    missed_reads_are_not_watched(true);
}

/// `replugged`: whether the reader goes and comes back while its reads are missed.
fn missed_reads_are_not_watched(replugged: bool) {
    // More reads than may wait, 20 a second, and among them a vehicle before and one after the last that finds room.
    let (per_s, most) = (20, 65_536);
    let over = START + most * 1000 / per_s;
    let bring = |intake: &Intake, reads: &ReadsIntake| {
        for number in 0..most + 40 * per_s {
            let vehicle = if number < most - 1000 { 1 } else { 2 };
            let ms = START + number * 1000 / per_s;
            assert!(reads.bring(0, read(ms, vehicle)));
            if replugged && number == most + per_s {
                for up in [false, true] {
                    intake.bring(RecorderInput::Reader { reader: 0, antennas: up.into(), at: MonoMs(ms) });
                }
            }
        }
        // There is room for what is not a read.
        intake.bring(RecorderInput::Events(Vec::new()));
    };
    let turns = [[over + 41_000; 20].as_slice(), &[over + 60_000, over + 61_000]].concat();
    let counts = recorded(bring, turns);
    assert_eq!(vehicles(&counts), 2);
    let watched_s = |from: i64, to: i64| -> i64 {
        let end = |counts: &CarCounts| counts.timestamp.map_or(0, |end| end.since(moment(0).wall));
        counts
            .iter()
            .filter(|counts| (from + 1..=to).contains(&end(counts)))
            .filter_map(|counts| counts.observed_s)
            .map(|seconds| seconds.round() as i64)
            .sum()
    };
    assert_eq!(watched_s(over - 20_000, over - 5000), 15);
    assert_eq!(watched_s(over + 5000, over + 40_000), 0, "its reads were missed");
    assert_eq!(watched_s(over + 45_000, over + 55_000), 10, "it is watched again");
}

/// The example with an outbox in a folder.
fn at(folder: &Path) -> Arc<Config> {
    let mut config = Config::clone(&example());
    config.outbox.path = folder.join("outbox.sqlite");
    Arc::new(config)
}

fn setup(config: &Config) -> RecorderSetup {
    let fresh = Box::new(|| [7; 32]);
    RecorderSetup {
        path: config.outbox.path.clone(),
        boot: BootId(Uuid::from_u128(1)),
        new_outbox_id: OutboxId(Uuid::from_u128(2)),
        all_lanes_watched: false,
        names: SharedNames::new(Names::new(Privacy::Raw, KeptKeys::default(), fresh, moment(0))),
        gives_up: false,
        starts_anew: false,
    }
}

fn gaps(recorder: &mut Recorder, ms: i64) -> Vec<Gap> {
    let rows = recorder.rows(ROOM, &BTreeSet::new(), &moment(ms));
    rows.iter().filter_map(|row| decode(row.payload.as_bytes()).ok()).collect()
}

#[test]
fn what_comes_while_the_outbox_cannot_be_opened_is_kept_or_told_of() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = at(folder.path());
    let plan =
        |mode, id: &str| Box::new(GreenTime { mode, plan_id: Some(id.to_owned()), ..GreenTime::default() });
    let mut recorder =
        Recorder::open(Arc::clone(&config), &setup(&config), &moment(START)).expect("it opens");
    recorder.save_plan(&plan(Mode::Automatic, "old"), MonoMs(START));
    recorder.save_plan(&plan(Mode::Emergency, "old"), MonoMs(START));
    drop(recorder);

    let mut lasting = Lasting::new(Arc::clone(&config));
    let save = |mode, id, ms| RecorderInput::SavePlan { plan: plan(mode, id), received: MonoMs(START + ms) };
    let event = |ms| RecorderInput::Events(vec![Event::new(MonoMs(START + ms), EventCode::PhaseOn, 1)]);
    let cycle = RecorderInput::Cycle(cycle(START, START + 60_000));
    let inputs = [
        save(Mode::Automatic, "first", 1),
        save(Mode::ManualOverride, "override", 2),
        save(Mode::Automatic, "second", 3),
        event(1000),
        event(70_000),
        cycle,
    ];
    for input in inputs {
        assert_eq!(lasting.take(input, MonoMs(START)), Continue(()));
    }

    let recorder = Recorder::open(Arc::clone(&config), &setup(&config), &moment(START + 80_000));
    let (news, inbox) = mpsc::sync_channel(64);
    let now = moment(START + 80_000);
    let mut desk = Desk::open(recorder.expect("it opens"), &mut lasting, &news, &now);
    let Ok(News::OutboxOpen { plans, .. }) = inbox.try_recv() else { panic!("the main thread is not told") };
    let ids = |plans: &[(Box<GreenTime>, Option<MonoMs>)]| -> Vec<(Mode, Option<String>)> {
        plans.iter().map(|(plan, _)| (plan.mode, plan.plan_id.clone())).collect()
    };
    let named = |mode, id: &str| (mode, Some(id.to_owned()));
    assert_eq!(ids(&plans), [named(Mode::Emergency, "old")], "the lamps have the others");
    let kept = [
        named(Mode::Automatic, "second"),
        named(Mode::Emergency, "old"),
        named(Mode::ManualOverride, "override"),
    ];
    assert_eq!(ids(&desk.recorder.plans()), kept, "after the next restart");
    desk.recorder.flush(&now);
    let mut told: Vec<_> =
        gaps(&mut desk.recorder, START + 80_000).into_iter().map(|gap| (gap.reason, gap.rows)).collect();
    told.sort();
    assert_eq!(
        told,
        [
            ("the outbox could not be opened: cycles were dropped".to_owned(), Some(1)),
            ("the outbox could not be opened: events were dropped".to_owned(), Some(2)),
        ]
    );
}

#[test]
fn a_loss_that_goes_on_is_one_gap_in_a_minute() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = at(folder.path());
    let mut recorder =
        Recorder::open(Arc::clone(&config), &setup(&config), &moment(START)).expect("it opens");
    for second in 1..=120 {
        let ms = START + second * 1000;
        let mut lost = Losses::default();
        lost.add_events(&[Event::new(MonoMs(ms), EventCode::PhaseOn, 1)], Cause::StandsStill);
        recorder.handle_lost(lost);
        recorder.handle_timeout(&moment(ms));
    }
    let gaps = gaps(&mut recorder, START + 120_000);
    assert_eq!(gaps.len(), 2, "{gaps:?}");
}

#[test]
fn a_stored_state_on_which_the_recorder_fails_is_set_aside() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = at(folder.path());
    let open = |starts_anew| {
        let setup = RecorderSetup { starts_anew, ..setup(&config) };
        Recorder::open(Arc::clone(&config), &setup, &moment(START)).expect("it opens")
    };
    let before = open(false).outbox_id();
    let (_intake, inputs) = intake::open();
    let clock = Clock::new(ClockTrust::Always);
    let mut asked = Vec::new();
    go_on(&inputs, &clock, Pauses::between([Duration::from_millis(1); 2]), |starts_anew| {
        asked.push(starts_anew);
        // The defect: nothing can be done with what it holds.
        if open(starts_anew).outbox_id() == before { Err(Failed { stored: false }) } else { Ok(()) }
    });
    assert_eq!(asked, [false, false, false, true]);
    assert!(folder.path().join("outbox.sqlite.corrupt-1").exists());
    let gaps = gaps(&mut open(false), START);
    assert_eq!(gaps.len(), 1);
    assert_eq!((gaps[0].reason.as_str(), gaps[0].rows), (NOT_USABLE, None));
}

fn cycle(from: i64, to: i64) -> CycleRecord {
    CycleRecord {
        plan_id: None,
        mode: Mode::Automatic,
        started: MonoMs(from),
        ended: MonoMs(to),
        offset_error_s: None,
        stages: vec![StageRecord {
            stage: StageIx::new(0),
            green_s: 50.0,
            amber_s: 3.0,
            all_red_s: 2.0,
            end: StageEnd::Plan,
        }],
        lane_green_s: Vec::new(),
        lane_queues: Vec::new(),
    }
}

#[test]
fn what_waits_for_a_full_disk_outlives_the_recorder_that_fails_meanwhile() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = at(folder.path());
    let setup = setup(&config);
    let mut lasting = Lasting::new(Arc::clone(&config));
    lasting.readers = vec![true.into()];
    let (intake, inputs) = intake::open();
    let reads = ReadsIntake::new(intake.clone());
    let (news, _inbox) = mpsc::sync_channel(64);
    let second = |second: i64| START + second * 1000;

    let recorder = Recorder::succeed(Arc::clone(&config), &setup, &mut lasting.remains, &moment(START))
        .expect("it opens");
    recorder.limit_pages(Some(1));
    let desk = Desk::open(recorder, &mut lasting, &news, &moment(START));
    // The first has gone, and the second stands there, when the recorder fails.
    for at in [1, 2, 296, 298] {
        assert!(reads.bring(0, read(second(at), if at < 10 { 1 } else { 2 })));
    }
    let failed = catch_unwind(AssertUnwindSafe(|| {
        desk.work(|desk| {
            for at in 0..=299 {
                assert_eq!(desk.turn(None, &inputs, &moment(second(at))), Continue(()));
            }
            let status = desk.recorder.status(&moment(second(299))).expect("it can be asked");
            assert!(status.failure.is_some() && status.counts_made < 40, "little finds room: {status:?}");
            intake.bring(RecorderInput::Cycle(cycle(START, second(297))));
            let event = Event::new(MonoMs(second(299)), EventCode::PhaseOn, 1);
            intake.bring(RecorderInput::Events(vec![event]));
            assert_eq!(desk.turn(None, &inputs, &moment(second(299))), Continue(()));
            // The defect: there is no such reader.
            intake.bring(RecorderInput::Reader {
                reader: 99,
                antennas: true.into(),
                at: MonoMs(second(299)),
            });
            assert_eq!(desk.turn(None, &inputs, &moment(second(299))), Continue(()));
        });
    }));
    assert!(failed.is_err(), "it fails");

    let now = moment(second(301));
    let recorder = Recorder::succeed(Arc::clone(&config), &setup, &mut lasting.remains, &now);
    let mut desk = Desk::open(recorder.expect("it opens"), &mut lasting, &news, &now);
    assert!(reads.bring(0, read(second(302), 2)));
    for at in 301..=340 {
        assert_eq!(desk.turn(None, &inputs, &moment(second(at))), Continue(()));
    }
    let rows = desk.recorder.rows(ROOM, &BTreeSet::new(), &moment(second(340)));
    let counts: Vec<CarCounts> = rows.iter().filter_map(|row| decode(row.payload.as_bytes()).ok()).collect();
    assert_eq!(vehicles(&counts), 2, "each is counted once");
    let end = |counts: &CarCounts| counts.timestamp.map_or(0, |end| end.since(moment(START).wall));
    let of_before = counts.iter().filter(|counts| end(counts) <= 295_000);
    let observed: f64 = of_before.filter_map(|counts| counts.observed_s).sum();
    assert!((observed - 295.0).abs() < 0.1, "{observed} s");
    let cycles: Vec<Cycles> = rows.iter().filter_map(|row| decode(row.payload.as_bytes()).ok()).collect();
    let counted: Vec<u32> =
        cycles.iter().flat_map(|cycle| &cycle.lanes).map(|lane| lane.vehicle_count).collect();
    assert_eq!((cycles.len(), counted.iter().sum::<u32>()), (1, 2));
    let events: Vec<Events> = rows.iter().filter_map(|row| decode(row.payload.as_bytes()).ok()).collect();
    let logged =
        events.iter().flat_map(|row| &row.events).filter(|event| event.1 == EventCode::PhaseOn as u16);
    assert_eq!(logged.count(), 1);
    assert_eq!(gaps(&mut desk.recorder, second(340)), [], "nothing is missing");
    assert_eq!(desk.recorder.counted().iter().sum::<u64>(), 2);
}

#[test]
fn a_disk_that_takes_nothing_is_told_with_the_first_flush_and_so_is_its_end() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = at(folder.path());
    let recorder = Recorder::open(Arc::clone(&config), &setup(&config), &moment(START)).expect("it opens");
    recorder.limit_pages(Some(1));
    let mut lasting = Lasting::new(config);
    lasting.readers = vec![true.into()];
    let (_intake, inputs) = intake::open();
    let (news, inbox) = mpsc::sync_channel(64);
    let mut desk = Desk::open(recorder, &mut lasting, &news, &moment(START));
    inbox.try_iter().for_each(drop);
    let failures = || -> Vec<bool> {
        let told = inbox.try_iter().filter_map(|news| match news {
            News::Recorded { outbox, .. } => Some(outbox.failure.is_some()),
            _ => None,
        });
        told.collect()
    };
    // Until it finds no more room.
    let mut second = 0;
    while !desk.recorder.fails() {
        second += 1;
        assert!(second < 1000, "it finds room");
        assert_eq!(desk.turn(None, &inputs, &moment(START + second * 1000)), Continue(()));
    }
    assert_eq!(failures().last(), Some(&true));
    desk.recorder.limit_pages(None);
    assert_eq!(desk.turn(None, &inputs, &moment(START + (second + 1) * 1000)), Continue(()));
    assert_eq!(failures(), [false]);
}

#[test]
fn what_waits_is_given_up_with_the_outbox_when_the_recorder_fails_on_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = at(folder.path());
    let mut recorder =
        Recorder::open(Arc::clone(&config), &setup(&config), &moment(START)).expect("it opens");
    recorder.limit_pages(Some(1));
    recorder.handle_cycle(cycle(START, START + 1000));
    for second in 1..20 {
        recorder.handle_timeout(&moment(START + second * 1000));
    }
    let mut remains = Some(recorder.into_remains());
    let anew = RecorderSetup { starts_anew: true, ..setup(&config) };
    let now = moment(START + 20_000);
    let mut recorder = Recorder::succeed(Arc::clone(&config), &anew, &mut remains, &now).expect("it opens");
    assert!(remains.is_none());
    recorder.flush(&now);
    let rows = recorder.rows(ROOM, &BTreeSet::new(), &now);
    let cycles = rows.iter().filter(|row| decode::<Cycles>(row.payload.as_bytes()).is_ok());
    assert_eq!(cycles.count(), 0);
    let told: Vec<_> = gaps(&mut recorder, START + 20_000).into_iter().map(|gap| gap.reason).collect();
    assert_eq!(told, [NOT_USABLE]);
}

#[test]
fn a_recorder_that_fails_at_its_end_lets_the_agent_end() {
    let clock = Clock::new(ClockTrust::Always);
    let (tell, ended) = mpsc::channel();
    std::thread::spawn(move || {
        let (intake, inputs) = intake::open();
        intake.bring(RecorderInput::Stop);
        let mut runs = 0;
        go_on(&inputs, &clock, Pauses::default(), |_| {
            runs += 1;
            assert_eq!(inputs.waiting().count(), 1, "the end");
            Err(Failed { stored: false })
        });
        // Nor is it tried for long when the end cannot even be taken.
        let (intake, inputs) = intake::open();
        intake.bring(RecorderInput::Stop);
        go_on(&inputs, &clock, Pauses::default(), |_| {
            runs += 1;
            Err(Failed { stored: false })
        });
        tell.send(runs)
    });
    assert_eq!(ended.recv_timeout(PATIENCE), Ok(3));
}
