use super::*;
use crate::cmd::monitor::lines::Lines;
use crate::console::protocol::{Message, read_message};
use flextraff_common::wire::{AlarmKind, WatchedClass};

const SNAPSHOT: &str = r#"{"v":1,"type":"snapshot","t":"2026-02-10T14:30:12Z","junction":"Town hall","broker":true,
    "status":{"device_id":"00000000-0000-4000-8000-0000000000d1","online":true,"software_version":"0.1.0","uptime_s":7300,"clock":"synced",
      "outbox":{"rows":3,"oldest_s":2,"bytes":4096,"dropped":0,"parked":1,"counts_made":77},
      "readers":[{"name":"north","state":"up","reads_per_s":1.5,"bad_frames":2,"dropped_bytes":0,"unmapped":7}],
      "controller":{"state":"green","mode":"automatic","fault":null,"decision":{"stage":"N","hold_s":1,"cost":212.0,
        "reason":"stay in N: 212; go to E now: 240 vehicle-seconds."}},
      "estimates":{"lanes":{"N":{"stop_reader":{"state":"works","silent_s":3},"present":{"value":2,"age_s":3,"confidence":0.9},
        "headway_s":{"value":1.9,"age_s":null,"confidence":0},"read_rate":{"value":0.96,"age_s":200,"confidence":0.93},
        "stops_on":{"shares":[{"lane":"N","share":0.75},{"lane":"E","share":0.25}],"age_s":3,"confidence":0.9},
        "goes_in":{"E":{"value":0.5,"age_s":7,"confidence":0.8},"W":{"value":1,"confidence":0}}}},
        "ways":[{"junction_id":"00000000-0000-4000-8000-000000000002","lane":"S1","comes_on":{"shares":[{"lane":"N","share":0.6}],
          "age_s":9,"confidence":0.7},"travel_s":{"value":24.4,"age_s":9,"confidence":0.7}}]}},
    "signal":{"t":"2026-02-10T14:30:12Z","stage":"N","state":"green","groups":{"N":"green","N-left":"red","E":"red"},
      "since":"2026-02-10T14:30:00Z","plan_id":"p1","mode":"automatic","cycle_second":12},
    "lanes":[{"lane":"N","groups":["N","N-left"],"counted":12},{"lane":"E","groups":["E"],"counted":0}]}"#;

fn snapshot() -> Snapshot {
    match read_message(SNAPSHOT.as_bytes()) {
        Ok(Message::Snapshot(snapshot)) => *snapshot,
        other => panic!("{other:?}"),
    }
}

fn read() -> TagRead {
    TagRead {
        t: UnixMs(1_770_733_811_120),
        reader: Some("north".to_owned()),
        lane: "N".to_owned(),
        zone: ZoneName::StopLine,
        epc: "34161FA8203E7CB202000020".to_owned(),
        rssi: Some(-55.0),
    }
}

#[test]
fn the_screen_shows_lamps_counts_estimates_decision_and_reads() {
    let view = View { snapshot: Some(snapshot()), reads: [read()].into() };
    let text: Vec<String> = rows(&view).iter().map(Row::plain).collect();
    assert_eq!(text[0], "Town hall   2026-02-10T14:30:12Z   agent 0.1.0, up 2h");
    assert_eq!(text[1], "Signal    green, stage N, for 12 s, cycle second 12, automatic, plan p1");
    assert_eq!(text[2], "Decision  stay in N: 212; go to E now: 240 vehicle-seconds.");
    assert_eq!(text[3], "Outbox    3 rows wait, oldest 2 s; 77 counts made; broker connected; 1 parked");
    assert_eq!(text[4], "Readers   north up, 1.5 reads/s, 2 bad frames, 7 reads of no lane");
    assert!(text[6].starts_with("lane lamps"), "{}", text[6]);
    for (column, cell) in [
        ("counted", "12"),
        ("present", "2 90% 3s"),
        ("headway s", "1.90 guess"),
        ("read rate %", "96 93% 3m"),
        ("readers", "stop works 3s"),
    ] {
        let at = text[6].find(column).unwrap_or_else(|| panic!("no column {column}"));
        assert!(text[7][at..].starts_with(cell), "{column}: {}", &text[7][at..]);
    }
    assert!(text[7].starts_with("N    N=green N-left=red  12"), "{}", text[7]);
    assert!(text[8].starts_with("E    red "), "{}", text[8]);
    assert_eq!(text[10], "N stops on N 75 %, E 25 % (90% 3s)");
    assert_eq!(text[11], "N goes in E 50 % (80% 7s)", "not what is only a guess");
    let way = "from S1 comes on N 60 % (70% 9s) in 24 s";
    assert_eq!(text[12], way);
    assert_eq!(text[15], "14:30:11.120 read N stop_line 34161FA8203E7CB202000020 rssi -55 by north");
}

#[test]
fn a_snapshot_with_the_least_and_none_at_all_can_be_shown() {
    let bare = Snapshot { signal: None, lanes: Vec::new(), broker: None, ..snapshot() };
    let status =
        Status { estimates: None, controller: None, outbox: None, readers: Vec::new(), ..bare.status };
    let view = View { snapshot: Some(Snapshot { status, ..bare }), reads: [].into() };
    assert_eq!(rows(&view).len(), 3, "who it is, and the head of an empty table");
    assert_eq!(rows(&View::default()).len(), 1);
}

#[test]
fn alarms_are_on_the_screen_and_a_line_of_their_own() {
    let mut alarmed = snapshot();
    alarmed.status.alarms.push(AlarmStatus {
        kind: AlarmKind::TagInTwoPlaces,
        since: alarmed.t,
        class: WatchedClass::Emergency,
        lane: "N".to_owned(),
        epc: "p:k1:00112233445566778899aabbccddeeff".to_owned(),
    });
    let told = "tag_in_two_places of emergency p:k1:00112233445566778899aabbccddeeff on N since 14:30:12.000";
    let line = format!("14:30:12.000 alarm {told}");
    let mut lines = Lines::default();
    assert!(lines.handle(&Message::Snapshot(Box::new(alarmed.clone()))).contains(&line));
    assert_eq!(lines.handle(&Message::Snapshot(Box::new(alarmed.clone()))), [""; 0], "once");
    let view = View { snapshot: Some(alarmed), reads: [].into() };
    assert_eq!(Row::plain(&rows(&view)[3]), format!("Alarm     {told}"));
}

#[test]
fn plain_lines_tell_reads_and_changes_once() {
    let mut lines = Lines::default();
    let first = lines.handle(&Message::Snapshot(Box::new(snapshot())));
    assert_eq!(
        first,
        [
            "14:30:12.000 signal green N",
            "14:30:12.000 decision stay in N: 212; go to E now: 240 vehicle-seconds.",
            "14:30:12.000 reader north up",
            "14:30:12.000 lane N N=green N-left=red counted 12 present 2 inventory -",
            "14:30:12.000 lane E red counted 0 present - inventory -",
        ]
    );
    let mut later = snapshot();
    later.t = UnixMs(later.t.0 + 1000);
    assert!(lines.handle(&Message::Snapshot(Box::new(later.clone()))).is_empty());
    later.lanes[1].counted = 1;
    assert_eq!(
        lines.handle(&Message::Snapshot(Box::new(later))),
        ["14:30:13.000 lane E red counted 1 present - inventory -"]
    );
    let odd = TagRead { lane: "N\n\x1b[2J".to_owned(), ..read() };
    assert_eq!(
        lines.handle(&Message::Read(odd)),
        ["14:30:11.120 read N??[2J stop_line 34161FA8203E7CB202000020 rssi -55 by north"]
    );
}

#[test]
fn a_second_client_with_our_id_is_shown_and_a_connection_that_works_is_not() {
    use flextraff_common::wire::LinkStatus;
    let with = |broker, taken_over_s, cause: Option<&str>| {
        let link = LinkStatus { failures: 1, cause: cause.map(str::to_owned), taken_over_s };
        let mut snapshot = snapshot();
        (snapshot.broker, snapshot.status.link) = (Some(broker), Some(link));
        let view = View { snapshot: Some(snapshot), reads: [].into() };
        let rows: Vec<String> = rows(&view).iter().map(Row::plain).collect();
        rows.into_iter().find(|row| row.starts_with("Broker"))
    };
    assert_eq!(with(true, None, Some("no network")), None);
    assert_eq!(with(false, None, None), None);
    assert_eq!(with(false, None, Some("no network")).as_deref(), Some("Broker    no network"));
    let shown = with(true, Some(12), Some("another client uses this device id; stop it"));
    let expected = "Broker    another client uses this device id; stop it (taken over 12s ago)";
    assert_eq!(shown.as_deref(), Some(expected));
}
