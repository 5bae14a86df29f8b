use super::super::intake::{self, Intake, ReadsIntake};
use super::*;
use crate::config::{self, Privacy};
use crate::identity::{KeptKeys, Names, Sighting};
use crate::outbox::Room;
use crate::reader::Read;
use flextraff_common::junction::LaneIx;
use flextraff_common::time::{ClockState, MonoMs};
use flextraff_common::wire::{CarCounts, ZoneName, decode};
use std::path::Path;
use std::sync::mpsc;

const START: i64 = 100_000;
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
    let fresh = Box::new(|| [7; 32]);
    let setup = RecorderSetup {
        path: folder.path().join("outbox.sqlite"),
        boot: BootId(Uuid::from_u128(1)),
        new_outbox_id: OutboxId(Uuid::from_u128(2)),
        all_lanes_watched: false,
        names: SharedNames::new(Names::new(Privacy::Raw, KeptKeys::default(), fresh, moment(0))),
        gives_up: false,
    };
    let (mut config, mut up) = (example(), vec![true]);
    let recorder = Recorder::open(Arc::clone(&config), &setup, &moment(START)).expect("the outbox opens");
    let (intake, inputs) = intake::open();
    let (news, _inbox) = mpsc::sync_channel(64);
    let mut files = Files::beside(&config.outbox.path);
    let mut desk = Desk::open(recorder, &mut config, (&mut up, &mut files), &news, &moment(START));
    bring(&intake, &ReadsIntake::new(intake.clone(), 0));
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
    let (mut config, mut up, mut files) = (example(), Vec::new(), Files::beside(&outbox));
    let clock = Clock::new(crate::config::ClockTrust::Always);
    assert!(!wait_for_disk(&mut config, &inputs, &clock, (&mut up, &mut files)), "it was told to stop");
    let kept = ["keys.json", "watchlist.json"].map(|name| folder.path().join(name).exists());
    assert_eq!(kept, [true, true]);
}

#[test]
fn a_vehicle_whose_reads_waited_for_the_disk_is_one_passage() {
    // It stands for 60 s; its reads are taken in several turns.
    let long = MOST_AT_ONCE as i64 * 3;
    let bring = |_: &Intake, reads: &ReadsIntake| {
        for at in (0..long).map(|number| START + number * 60_000 / long) {
            assert!(reads.bring(read(at, 1)));
        }
    };
    let counts =
        recorded(bring, [[START + 61_000; 4].as_slice(), &[START + 90_000, START + 91_000]].concat());
    assert_eq!(vehicles(&counts), 1);
}

#[test]
fn nobody_waits_for_a_disk_that_stands_still_and_what_is_missed_is_not_watched_s() {
    // More reads than may wait, 20 a second, and among them a vehicle before and one after the last that finds room.
    let (per_s, most) = (20, 65_536);
    let over = START + most * 1000 / per_s;
    let bring = |intake: &Intake, reads: &ReadsIntake| {
        for number in 0..most + 40 * per_s {
            let vehicle = if number < most - 1000 { 1 } else { 2 };
            assert!(reads.bring(read(START + number * 1000 / per_s, vehicle)));
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
