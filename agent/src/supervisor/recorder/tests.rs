mod pseudonyms;

use super::*;
use crate::config::{self, Privacy};
use crate::identity::{KeptKeys, Names};
use crate::outbox::Room;
use crate::reader::Read;
use crate::signal::LaneQueues;
use flextraff_common::time::{ClockState, UnixMs};
use flextraff_common::wire::{CarCounts, Cycles, Gap, GreenTime, Mode, StageEnd, ZoneName, decode};
use std::path::Path;
use uuid::Uuid;

const EPOCH: i64 = 1_770_000_000_000;
const BOOT: BootId = BootId(Uuid::from_u128(0xB1));
const LATER_BOOT: BootId = BootId(Uuid::from_u128(0xB2));
const ROOM: Room = Room { rows: 1000, bytes: 1 << 20 };
const EPC: &str = "34161FA8203E7CB202000020";

fn moment(ms: i64) -> Moment {
    Moment { mono: MonoMs(ms), wall: UnixMs(EPOCH + ms), clock: ClockState::Synced }
}

fn example() -> Arc<Config> {
    let text = include_str!("../../../../config/agent.toml");
    Arc::new(config::parse(Path::new("agent.toml"), text).expect("the example configuration is right"))
}

fn names() -> SharedNames {
    let fresh = Box::new(|| [7; 32]);
    SharedNames::new(Names::new(Privacy::Raw, KeptKeys::default(), fresh, moment(0)))
}

fn open(folder: &Path, boot: BootId, ms: i64) -> Recorder {
    let setup = RecorderSetup {
        path: folder.join("outbox.sqlite"),
        boot,
        new_outbox_id: OutboxId(Uuid::from_u128(7)),
        all_lanes_watched: true,
        names: names(),
        gives_up: false,
        starts_anew: false,
    };
    Recorder::open(example(), &setup, &moment(ms)).expect("the outbox opens")
}

fn read(ms: i64) -> Read {
    Read {
        lane: LaneIx::new(0),
        zone: ZoneName::StopLine,
        epc: EPC.parse().expect("the vector is an EPC"),
        rssi: None,
        at: MonoMs(ms),
    }
}

fn counts(recorder: &mut Recorder, ms: i64) -> Vec<CarCounts> {
    recorder
        .rows(ROOM, &BTreeSet::new(), &moment(ms))
        .iter()
        .filter_map(|row| decode(row.payload.as_bytes()).ok())
        .collect()
}

fn vehicles(recorder: &mut Recorder, ms: i64) -> i64 {
    counts(recorder, ms).iter().map(|counts| counts.vehicle_count).sum()
}

fn advance(recorder: &mut Recorder, from: i64, to: i64) {
    for ms in (from..=to).step_by(1000) {
        recorder.handle_timeout(&moment(ms));
    }
}

#[test]
fn a_passage_becomes_one_row_with_the_times_of_the_wall_clock() {
    let folder = tempfile::tempdir().unwrap();
    let mut recorder = open(folder.path(), BOOT, 100_000);
    recorder.handle_read(&read(101_200));
    advance(&mut recorder, 101_000, 120_000);
    let counts = counts(&mut recorder, 120_000);
    let counted: Vec<_> = counts.iter().filter(|counts| counts.vehicle_count == 1).collect();
    assert_eq!(counted.len(), 1);
    assert_eq!(counted[0].epc_ids, [EPC]);
    assert_eq!(counted[0].timestamp, Some(UnixMs(EPOCH + 105_000)));
    assert_eq!(counted[0].passages.as_ref().unwrap()[0].t_ms, 1200);
    assert!(counts.iter().all(|counts| counts.observed_s == Some(5.0)));
}

#[test]
fn a_kill_with_the_vehicle_in_the_zone_counts_it_once() {
    let folder = tempfile::tempdir().unwrap();
    for kill_at in [102_000, 106_000, 108_000, 125_000] {
        let path = folder.path().join(kill_at.to_string());
        let mut recorder = open(&path, BOOT, 100_000);
        recorder.handle_read(&read(101_200));
        advance(&mut recorder, 101_000, kill_at);
        drop(recorder);
        let mut recorder = open(&path, BOOT, kill_at + 500);
        recorder.handle_read(&read(kill_at + 600));
        advance(&mut recorder, kill_at + 500, kill_at + 30_000);
        let expected = if kill_at < 111_000 { 1 } else { 2 };
        assert_eq!(vehicles(&mut recorder, kill_at + 30_000), expected, "killed at {kill_at}");
    }
}

#[test]
fn what_an_earlier_uptime_left_is_told_with_its_own_times() {
    let folder = tempfile::tempdir().unwrap();
    let mut recorder = open(folder.path(), BOOT, 900_000);
    recorder.handle_read(&read(901_200));
    recorder.flush(&moment(902_000));
    drop(recorder);
    let later = |ms: i64| Moment { wall: UnixMs(EPOCH + 1_000_000 + ms), ..moment(ms) };
    let setup = RecorderSetup {
        path: folder.path().join("outbox.sqlite"),
        boot: LATER_BOOT,
        new_outbox_id: OutboxId(Uuid::from_u128(8)),
        all_lanes_watched: true,
        names: names(),
        gives_up: false,
        starts_anew: false,
    };
    let mut recorder = Recorder::open(example(), &setup, &later(20_000)).unwrap();
    recorder.flush(&later(21_000));
    recorder.flush(&later(22_000));
    let rows = recorder.rows(ROOM, &BTreeSet::new(), &later(22_000));
    let counts: Vec<CarCounts> = rows.iter().filter_map(|row| decode(row.payload.as_bytes()).ok()).collect();
    let counted: Vec<_> = counts.iter().filter(|counts| counts.vehicle_count == 1).collect();
    assert_eq!(counted.len(), 1);
    assert_eq!(counted[0].timestamp, Some(UnixMs(EPOCH + 905_000)));
    assert_eq!(counted[0].delivery.as_ref().map(|delivery| delivery.boot_id), Some(BOOT));
}

#[test]
fn a_cycle_is_reported_with_the_passages_that_began_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut recorder = open(folder.path(), BOOT, 100_000);
    recorder.handle_read(&read(103_000));
    recorder.handle_cycle(CycleRecord {
        plan_id: None,
        mode: Mode::Automatic,
        started: MonoMs(102_000),
        ended: MonoMs(104_000),
        stages: vec![crate::signal::StageRecord {
            stage: flextraff_common::junction::StageIx::new(0),
            green_s: 2.0,
            amber_s: 0.0,
            all_red_s: 0.0,
            end: StageEnd::Plan,
        }],
        offset_error_s: Some(-1.5),
        lane_green_s: vec![2.0, 0.0, 0.0, 0.0],
        lane_queues: vec![LaneQueues { start: Some(3), end: Some(1) }],
    });
    let cycles = |recorder: &mut Recorder, ms: i64| -> Vec<Cycles> {
        let rows = recorder.rows(ROOM, &BTreeSet::new(), &moment(ms));
        rows.iter()
            .filter(|row| row.topic.to_string().contains("/cycles/"))
            .filter_map(|row| decode(row.payload.as_bytes()).ok())
            .collect()
    };
    advance(&mut recorder, 101_000, 105_000);
    assert!(cycles(&mut recorder, 105_000).is_empty(), "its last passages are not counted yet");
    advance(&mut recorder, 106_000, 110_000);
    let reported = cycles(&mut recorder, 110_000);
    assert_eq!(reported.len(), 1);
    assert_eq!(reported[0].offset_error_s, Some(-1.5));
    let queues: Vec<_> = reported[0].lanes.iter().map(|lane| (lane.queue_start, lane.queue_end)).collect();
    assert_eq!(queues[..2], [(Some(3.0), Some(1.0)), (None, None)]);
    assert_eq!(reported[0].lanes.iter().map(|lane| lane.vehicle_count).collect::<Vec<_>>(), [1, 0, 0, 0]);
}

#[test]
fn counting_goes_on_when_the_file_breaks_under_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("outbox.sqlite");
    let mut recorder = open(folder.path(), BOOT, 100_000);
    let before = recorder.outbox_id();
    // More than SQLite keeps in memory.
    let mut now = 100_000;
    while std::fs::metadata(&path).unwrap().len() < 4 << 20 {
        now += 30_000;
        recorder.handle_timeout(&moment(now));
    }
    recorder.handle_read(&read(now + 1200));
    advance(&mut recorder, now, now + 3000);
    for file in [path.clone(), path.with_extension("sqlite-wal")] {
        let length = std::fs::metadata(&file).unwrap().len();
        std::fs::write(&file, vec![0xA5; length as usize]).unwrap();
    }
    assert_eq!(counts(&mut recorder, now + 3000), [], "the backlog cannot be read any more");
    advance(&mut recorder, now + 4000, now + 8000);
    assert_ne!(recorder.outbox_id(), before);
    // The vehicle is still there, also for a run that begins with the new file.
    drop(recorder);
    let mut recorder = open(folder.path(), BOOT, now + 8500);
    recorder.handle_read(&read(now + 8600));
    advance(&mut recorder, now + 9000, now + 40_000);
    let rows = recorder.rows(ROOM, &BTreeSet::new(), &moment(now + 40_000));
    let gaps: Vec<Gap> = rows.iter().filter_map(|row| decode(row.payload.as_bytes()).ok()).collect();
    assert_eq!(gaps.len(), 1, "{gaps:?}");
    assert!(gaps[0].reason.starts_with("the outbox was damaged"), "{gaps:?}");
    assert_eq!(vehicles(&mut recorder, now + 40_000), 1);
    assert!(folder.path().join("outbox.sqlite.corrupt-1").exists());
}

#[test]
fn a_disk_that_is_away_for_minutes_costs_no_row_and_no_vehicle() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    let mut recorder = open(folder.path(), BOOT, 100_000);
    let before = recorder.outbox_id();
    recorder.handle_read(&read(101_200));
    advance(&mut recorder, 101_000, 140_000);
    assert_eq!(recorder.status(&moment(140_000)).unwrap().failure, None);
    let names = [("outbox.sqlite", "away"), ("outbox.sqlite-wal", "away-wal")];
    for (here, away) in names {
        std::fs::rename(file(here), file(away)).unwrap();
    }
    recorder.fail_with(rusqlite::ffi::SQLITE_IOERR_FSYNC);
    recorder.handle_read(&read(141_200));
    advance(&mut recorder, 141_000, 400_000);
    let status = recorder.status(&moment(400_000)).unwrap();
    assert!(status.failure.is_some_and(|failure| failure.contains("not there")), "it is told");
    assert!(status.counts_made > 0, "what was known of it is still told");
    assert_eq!(counts(&mut recorder, 400_000), []);
    for (here, away) in names {
        std::fs::rename(file(away), file(here)).unwrap();
    }
    advance(&mut recorder, 401_000, 410_000);
    assert_eq!(recorder.status(&moment(410_000)).unwrap().failure, None);
    assert_eq!(recorder.outbox_id(), before);
    assert!(!file("outbox.sqlite.corrupt-1").exists());
    assert_eq!(vehicles(&mut recorder, 410_000), 2);
    let rows = recorder.rows(ROOM, &BTreeSet::new(), &moment(410_000));
    assert!(!rows.iter().any(|row| decode::<Gap>(row.payload.as_bytes()).is_ok()), "nothing is missing");
}

#[test]
fn counting_goes_on_from_memory_while_the_disk_is_full() {
    let folder = tempfile::tempdir().unwrap();
    let mut recorder = open(folder.path(), BOOT, 100_000);
    advance(&mut recorder, 101_000, 110_000);
    recorder.limit_pages(Some(1));
    recorder.handle_read(&read(111_200));
    advance(&mut recorder, 111_000, 400_000);
    let status = recorder.status(&moment(400_000)).unwrap();
    assert!(status.rows < 40, "{} rows found room", status.rows);
    assert!(status.failure.is_some_and(|failure| failure.starts_with("no space is left")));
    assert!(status.free_bytes.is_some_and(|free| free > 0));
    recorder.limit_pages(None);
    advance(&mut recorder, 401_000, 401_000);
    let counts = counts(&mut recorder, 401_000);
    assert_eq!(counts.len(), 4 * 60, "four lanes, every interval from 105 s to 400 s");
    assert_eq!(counts.iter().map(|counts| counts.vehicle_count).sum::<i64>(), 1);
    let status = recorder.status(&moment(401_000)).unwrap();
    assert_eq!((status.dropped, status.failure), (0, None));
}

#[test]
fn a_plan_that_came_without_a_time_has_that_of_its_receipt_if_anybody_knows_it() {
    let plan = GreenTime { mode: Mode::ManualOverride, ..GreenTime::default() };
    let unsynced = |ms| Moment { wall: UnixMs(ms), clock: ClockState::Unsynced, ..moment(ms) };
    for (is_synced_later, came) in [(true, Some(UnixMs(EPOCH + 101_000))), (false, None)] {
        let folder = tempfile::tempdir().unwrap();
        let start = |boot, now: &Moment| {
            let setup = RecorderSetup {
                path: folder.path().join("outbox.sqlite"),
                boot,
                new_outbox_id: OutboxId(Uuid::from_u128(7)),
                all_lanes_watched: true,
                names: names(),
                gives_up: false,
                starts_anew: false,
            };
            Recorder::open(example(), &setup, now).expect("the outbox opens")
        };
        let mut recorder = start(BOOT, &unsynced(100_000));
        recorder.save_plan(&plan, MonoMs(101_000));
        recorder.handle_timeout(&unsynced(102_000));
        if is_synced_later {
            recorder.handle_timeout(&moment(103_000));
        }
        drop(recorder);
        // In the same uptime the monotonic clock says when it came.
        let recorder = start(BOOT, &unsynced(104_000));
        assert_eq!(recorder.plans()[0].1, Some(MonoMs(101_000)));
        drop(recorder);
        let plans = start(LATER_BOOT, &unsynced(1000)).plans();
        let kept = GreenTime { timestamp: came, ..plan.clone() };
        assert_eq!(plans, [(Box::new(kept), None)]);
    }
}

#[test]
fn passages_of_before_a_restart_that_cannot_be_read_are_told_of_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut recorder = open(folder.path(), BOOT, 100_000);
    recorder.handle_read(&read(100_500));
    advance(&mut recorder, 101_000, 101_000);
    drop(recorder);
    let spoil = || {
        let file = rusqlite::Connection::open(folder.path().join("outbox.sqlite")).unwrap();
        file.execute("UPDATE passages SET state = '{'", []).unwrap()
    };
    assert_eq!(spoil(), 1);
    for ms in [110_000, 120_000] {
        let mut recorder = open(folder.path(), BOOT, ms);
        advance(&mut recorder, ms, ms);
        let rows = recorder.rows(ROOM, &BTreeSet::new(), &moment(ms));
        let gaps: Vec<Gap> = rows.iter().filter_map(|row| decode(row.payload.as_bytes()).ok()).collect();
        assert_eq!(gaps.len(), 1, "{gaps:?}");
        assert_eq!(gaps[0].reason, PASSAGES_UNREADABLE);
        assert_eq!((gaps[0].from, gaps[0].to, gaps[0].rows), (None, Some(UnixMs(EPOCH + 110_000)), None));
    }
}

#[test]
fn an_outbox_whose_passages_are_no_text_any_more_is_set_aside() {
    let folder = tempfile::tempdir().unwrap();
    let mut recorder = open(folder.path(), BOOT, 100_000);
    recorder.handle_read(&read(100_500));
    advance(&mut recorder, 101_000, 101_000);
    drop(recorder);
    let file = rusqlite::Connection::open(folder.path().join("outbox.sqlite")).unwrap();
    file.execute("UPDATE passages SET state = CAST(x'ff' AS TEXT)", []).unwrap();
    drop(file);
    let mut recorder = open(folder.path(), BOOT, 110_000);
    assert!(folder.path().join("outbox.sqlite.corrupt-1").exists());
    let rows = recorder.rows(ROOM, &BTreeSet::new(), &moment(110_000));
    assert_eq!(rows.iter().filter(|row| decode::<Gap>(row.payload.as_bytes()).is_ok()).count(), 1);
}

#[test]
fn a_lane_whose_antenna_is_missing_is_not_watched() {
    let folder = tempfile::tempdir().unwrap();
    let reader = "[[reader]]\nname = \"north\"\nprotocol = \"uhfreader\"\nport = \"virtual\"\nlanes = { \"1\" = \"N\", \"3\" = \"E\", default = \"N\" }\n";
    let text = format!("{}\n{reader}", include_str!("../../../../config/agent.toml"));
    let config = Arc::new(config::parse(Path::new("agent.toml"), &text).unwrap());
    let setup = RecorderSetup {
        path: folder.path().join("outbox.sqlite"),
        boot: BOOT,
        new_outbox_id: OutboxId(Uuid::from_u128(7)),
        all_lanes_watched: false,
        names: names(),
        gives_up: false,
        starts_anew: false,
    };
    let junction = Arc::clone(&config.junction);
    let mut recorder = Recorder::open(config, &setup, &moment(100_000)).unwrap();
    let up = Antennas::from(true);
    recorder.handle_reader(0, up, MonoMs(100_000));
    advance(&mut recorder, 100_000, 110_000);
    recorder.handle_reader(0, up.without(Some(3)), MonoMs(110_000));
    advance(&mut recorder, 110_000, 120_000);
    // Reads that name no port are of N, too.
    recorder.handle_reader(0, up.without(Some(1)), MonoMs(120_000));
    advance(&mut recorder, 120_000, 140_000);
    let rows = counts(&mut recorder, 140_000);
    let watched = |lane: &str| -> Vec<i64> {
        let lane = junction.lane(junction.lane_named(lane).unwrap()).id;
        let of_lane = rows.iter().filter(|row| row.lane_id == lane);
        let ends = of_lane.filter_map(|row| row.timestamp).map(|end| end.since(UnixMs(EPOCH)) / 1000);
        ends.collect::<BTreeSet<_>>().into_iter().collect()
    };
    assert_eq!(watched("N"), [105, 110, 115, 120, 125, 130, 135]);
    assert_eq!(watched("E"), [105, 110, 125, 130, 135]);
}
