//! The wire format, version 1, frozen. A failure here means that agents and servers in the field stop understanding each other: mend the
//! code, never these texts. A field that is added gets a test of its own.

use flextraff_common::epc::Pseudonym;
use flextraff_common::time::UnixMs;
use flextraff_common::wire::{
    Ack, CarCounts, ClockFix, Command, ControlLevel, Cycles, Demand, Events, Gap, GreenTime, Keys,
    MAX_PAYLOAD, MAX_WATCHED, MAX_WATCHLIST_PAGES, Reply, Signal, SignalControl, Status, Watched,
    WatchedClass, Watchlist, WatchlistPage, decode, encode,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

const DELIVERY: &str = r#""device_id":"00000000-0000-4000-8000-0000000000d1","outbox_id":"00000000-0000-4000-8000-0000000000b1","seq":7,"boot_id":"00000000-0000-4000-8000-0000000000a1","mono_ms":123456,"clock":"synced""#;

fn frozen<T: Serialize + DeserializeOwned>(json: &str) -> T {
    let json = json.replace("DELIVERY", DELIVERY);
    let message: T = decode(json.as_bytes()).expect("a frozen message decodes");
    let written: Value = serde_json::from_str(&encode(&message)).expect("what is encoded is JSON");
    let expected: Value = serde_json::from_str(&json).expect("the frozen text is JSON");
    assert_eq!(written, expected);
    message
}

#[test]
fn car_counts_of_the_published_interface() {
    let json = br#"{"junction_id":"00000000-0000-4000-8000-000000000001","lane_id":"00000000-0000-4000-8000-000000000011",
        "vehicle_count":15,"epc_ids":["EPC123456","EPC789012"],"timestamp":"2026-02-10T14:30:00Z","unknown":true}"#;
    let message: CarCounts = decode(json).expect("the published message decodes");
    assert_eq!((message.vehicle_count, message.epc_ids.len(), message.delivery.is_none()), (15, 2, true));
    let bare = br#"{"junction_id":"00000000-0000-4000-8000-000000000001","lane_id":"00000000-0000-4000-8000-000000000011",
        "vehicle_count":0,"epc_ids":[]}"#;
    let message: CarCounts = decode(bare).expect("timestamp is optional");
    assert!(message.timestamp.is_none());
}

#[test]
fn car_counts() {
    let message: CarCounts = frozen(
        r#"{"v":1,"junction_id":"00000000-0000-4000-8000-000000000001","lane_id":"00000000-0000-4000-8000-000000000011",
        "vehicle_count":1,"epc_ids":["34161FA8203E7CB202000020"],"timestamp":"2026-02-10T14:30:05Z",DELIVERY,
        "interval_start":"2026-02-10T14:30:00Z","observed_s":5.0,"departed":1,"present":0,"other_tags":2,
        "passages":[{"t_ms":120,"dwell_ms":800,"reads":4,"open":false,"valid":true,"prev":"p:k1:00"}],
        "departures":[{"epc":"34161FA8203E7CB202000020","t_ms":920,"dwell_ms":800,"reads":4}]}"#,
    );
    assert_eq!(message.delivery.expect("it has the delivery fields").seq.0, 7);
}

#[test]
fn green_time_of_the_published_interface() {
    let json = br#"{"junction_id":"00000000-0000-4000-8000-000000000001","lane_times":[30,20,25,25],"timestamp":"2026-02-10T14:30:00"}"#;
    let message: GreenTime = decode(json).expect("the published message decodes");
    assert_eq!(message.lane_times, Some(vec![30.0, 20.0, 25.0, 25.0]));
}

#[test]
fn green_time() {
    let _: GreenTime = frozen(
        r#"{"v":1,"junction_id":"00000000-0000-4000-8000-000000000001","lane_times":[30.0,20.0],"timestamp":"2026-02-10T14:30:00Z",
        "total_cycle_time":50.0,"plan_id":"p1","mode":"manual_override","offset_s":4.0,
        "stages":[{"stage":"N","green_s":25.0,"min_green_s":10.0,"max_green_s":40.0}],"valid_s":900.0,"reason":"because"}"#,
    );
    let back: GreenTime = frozen(
        r#"{"v":1,"junction_id":"00000000-0000-4000-8000-000000000001","mode":"automatic","ends_override":true}"#,
    );
    assert!(back.ends_override);
    let _: GreenTime = frozen(
        r#"{"v":1,"junction_id":"00000000-0000-4000-8000-000000000001","mode":"emergency","stages":[{"stage":"N","green_s":0.0}]}"#,
    );
}

#[test]
fn ack() {
    let _: Ack = frozen(
        r#"{"v":1,"outbox_id":"00000000-0000-4000-8000-0000000000b1","committed":[[1,5],[7,7]],"rejected":[[6,6,"unknown_lane"]]}"#,
    );
}

#[test]
fn command_and_reply() {
    let _: Command = frozen(
        r#"{"v":1,"id":"c1","type":"restart_reader","name":"north","expires_at":"2026-02-10T14:30:00Z"}"#,
    );
    for kind in ["identify", "lamp_test", "send_config", "reload"] {
        let _: Command =
            frozen(&format!(r#"{{"v":1,"id":"c1","type":"{kind}","expires_at":"2026-02-10T14:30:00Z"}}"#));
    }
    let _: Reply = frozen(r#"{"v":1,"id":"c1","ok":true,"detail":"done"}"#);
}

#[test]
fn keys_and_watchlist() {
    let keys: Keys = frozen(
        r#"{"v":1,"watchlist_key":"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"}"#,
    );
    let none: Keys = frozen(r#"{"v":1}"#);
    assert!(none.watchlist_key.is_none());
    let list: Watchlist = frozen(
        r#"{"v":1,"entries":[
        {"tag":"0b3a72a53fa1f837688cd05e3606c99b","class":"transit","valid_until":"2026-03-01T00:00:00Z"},
        {"tag":"00112233445566778899aabbccddeeff","class":"emergency","valid_until":"2026-03-01T00:00:00Z"}]}"#,
    );
    let epc = "34161FA8203E7CB202000020".parse().expect("an EPC");
    let key = keys.watchlist_key.expect("it has one");
    assert_eq!(key.tag(&epc), list.entries[0].tag, "what a key makes of a tag is frozen too");
    let newer: Watchlist = decode(
        br#"{"entries":[{"tag":"00112233445566778899aabbccddeeff","class":"snowplough","valid_until":"2026-03-01T00:00:00Z"}]}"#,
    )
    .expect("a class of a newer server is no reason to refuse the list");
    assert_eq!(newer.entries[0].class, WatchedClass::Other);
}

#[test]
fn watchlist_in_pages() {
    let page: WatchlistPage = frozen(
        r#"{"v":1,"entries":[
        {"tag":"00112233445566778899aabbccddeeff","class":"emergency","valid_until":"2026-03-01T00:00:00Z"}],
        "list_id":"00000000-0000-4000-8000-0000000000e1","page":2,"pages":3}"#,
    );
    let whole = encode(&Watchlist { entries: page.entries.clone() });
    let whole: WatchlistPage = decode(whole.as_bytes()).expect("a whole list is a page without numbers");
    assert_eq!((whole.entries, whole.list_id, whole.page, whole.pages), (page.entries, None, None, None));
}

#[test]
fn the_longest_watchlist_fits_into_its_pages() {
    let key = flextraff_common::epc::TagKey::new([7; 32]);
    let entries: Vec<Watched> = (0..MAX_WATCHED)
        .map(|n| Watched {
            tag: key.tag(&format!("{n:024X}").parse().expect("an EPC")),
            class: WatchedClass::Emergency,
            valid_until: UnixMs(253_402_300_799_999),
        })
        .collect();
    let list_id = "00000000-0000-4000-8000-0000000000e1".parse().expect("an id");
    let pages = Watchlist { entries: entries.clone() }.into_pages(list_id);
    assert!(pages.len() > 1 && pages.len() <= MAX_WATCHLIST_PAGES as usize);
    assert!(pages.iter().all(|page| encode(page).len() <= MAX_PAYLOAD));
    let numbers: Vec<_> = pages.iter().map(|page| (page.list_id, page.page, page.pages)).collect();
    let expected: Vec<_> = (1..=5).map(|page| (Some(list_id), Some(page), Some(5))).collect();
    assert_eq!(numbers, expected);
    let together: Vec<Watched> = pages.into_iter().flat_map(|page| page.entries).collect();
    assert_eq!(together, entries);
    let short = Watchlist { entries: entries[..2000].to_vec() }.into_pages(list_id);
    assert_eq!((short.len(), short[0].page), (1, None));
}

#[test]
fn pseudonym_keys() {
    let keys: Keys = frozen(
        r#"{"v":1,"city":[
        {"key_id":"2026-W07","key":"0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f","valid_from":"2026-02-09T00:00:00Z","valid_until":"2026-02-16T00:00:00Z"},
        {"key_id":"2026-W08","key":"1f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f","valid_from":"2026-02-16T00:00:00Z","valid_until":"2026-02-23T00:00:00Z"}]}"#,
    );
    let epc = "34161FA8203E7CB202000020".parse().expect("an EPC");
    let first = &keys.city[0];
    let name = Pseudonym::of(&epc, first.key_id, &first.key).expect("an EPC").to_string();
    assert_eq!(name, "p:2026-W07:9125811f41930f55f1143979aa58d34d");
    assert!(
        decode::<Keys>(br#"{"city":[{"key_id":"a b","key":"00","valid_from":"x","valid_until":"y"}]}"#)
            .is_err()
    );
}

#[test]
fn demand_of_several_devices_of_a_junction() {
    let _: Demand = frozen(
        r#"{"v":1,"device_id":"00000000-0000-4000-8000-0000000000d1","t":"2026-02-10T14:30:00Z",
        "reads":[{"lane":"N","zone":"advance","epc":"p:2026-W07:00112233445566778899aabbccddeeff","watched":"0b3a72a53fa1f837688cd05e3606c99b"}],
        "passages":[{"epc":"34161FA8203E7CB202000020","counts":true},
        {"epc":"p:2026-W08:00112233445566778899aabbccddeeff","prev":"p:2026-W07:ffeeddccbbaa99887766554433221100","counts":false}]}"#,
    );
}

#[test]
fn cycles() {
    let _: Cycles = frozen(
        r#"{"v":1,DELIVERY,"plan_id":null,"mode":"automatic","started_at":"2026-02-10T14:30:00Z","ended_at":"2026-02-10T14:31:00Z",
        "stages":[{"stage":"N","green_s":25.0,"amber_s":3.0,"all_red_s":2.0,"end":"plan"}],
        "lanes":[{"lane_id":"00000000-0000-4000-8000-000000000011","vehicle_count":4,"green_s":25.0,"queue_start":null,"queue_end":1.0}]}"#,
    );
}

#[test]
fn cycles_and_status_with_coordination() {
    let _: Cycles = frozen(
        r#"{"v":1,DELIVERY,"plan_id":"p","mode":"automatic","started_at":"2026-02-10T14:30:00Z","ended_at":"2026-02-10T14:31:00Z",
        "offset_error_s":-2.5,"stages":[],"lanes":[]}"#,
    );
    let _: Status = frozen(
        r#"{"v":1,"device_id":"00000000-0000-4000-8000-0000000000d1","online":true,
        "controller":{"state":"green","mode":"automatic","fault":null,"interlock_trips":0,"offset_error_s":1.0}}"#,
    );
}

#[test]
fn events_gap_and_clock_fix() {
    let _: Events = frozen(r#"{"v":1,DELIVERY,"events":[["2026-02-10T14:30:00.100Z",1,2]]}"#);
    let _: Gap = frozen(
        r#"{"v":1,DELIVERY,"from":null,"to":"2026-02-10T14:30:00Z","lanes":[],"rows":12,"reason":"disk full"}"#,
    );
    let _: ClockFix = frozen(r#"{"v":1,DELIVERY,"offset_ms":1770733800000}"#);
}

#[test]
fn status() {
    let _: Status = frozen(
        r#"{"v":1,"device_id":"00000000-0000-4000-8000-0000000000d1","online":true,"device_type":"junction","software_version":"0.1.0",
        "config_hash":"abc","boot_id":"00000000-0000-4000-8000-0000000000a1","uptime_s":5,"clock":"unsynced",
        "outbox":{"rows":1,"oldest_s":2,"bytes":3,"dropped":4,"parked":5,"counts_made":6},
        "readers":[{"name":"north","state":"up","reads_per_s":1.5,"bad_frames":1,"dropped_bytes":2},
            {"name":"south","state":"silent","reads_per_s":0.0,"bad_frames":0,"dropped_bytes":0,"unmapped":7}],
        "controller":{"state":"all_red","mode":"automatic","fault":null,"interlock_trips":0},
        "plan":{"plan_id":"p1","state":"pending","reasons":[]}}"#,
    );
    let _: Status = frozen(r#"{"v":1,"device_id":"00000000-0000-4000-8000-0000000000d1","online":false}"#);
}

#[test]
fn status_with_the_connection() {
    let _: Status = frozen(
        r#"{"v":1,"device_id":"00000000-0000-4000-8000-0000000000d1","online":true,
        "link":{"failures":3,"cause":"the broker closed the connection; its log says why","taken_over_s":12}}"#,
    );
    let _: Status = frozen(
        r#"{"v":1,"device_id":"00000000-0000-4000-8000-0000000000d1","online":true,"link":{"failures":0}}"#,
    );
}

#[test]
fn status_with_estimates() {
    let status: Status = frozen(
        r#"{"v":1,"device_id":"00000000-0000-4000-8000-0000000000d1","online":true,"estimates":{"lanes":{"E":{},"N":{
        "stop_reader":{"state":"works","silent_s":3},"advance_reader":{"state":"blind","silent_s":null},
        "present":{"value":2.0,"age_s":3,"confidence":0.9},"inventory":{"value":5.0,"age_s":1,"confidence":0.8},
        "flow_per_h":{"value":420.0,"age_s":3,"confidence":0.8},"headway_s":{"value":1.9,"age_s":null,"confidence":0.0},
        "startup_loss_s":{"value":1.0,"age_s":60,"confidence":0.5},"drive_s":{"value":6.9,"age_s":60,"confidence":0.5},
        "read_rate":{"value":0.95,"age_s":3,"confidence":0.9},"announced_share":{"value":0.9,"age_s":3,"confidence":0.9},
        "tagged_share":{"value":0.6,"age_s":3,"confidence":0.1},
        "stops_on":{"shares":[{"lane":"N","share":0.75},{"lane":"E","share":0.25}],"age_s":3,"confidence":0.9},
        "leads_to":{"shares":[{"junction_id":"00000000-0000-4000-8000-000000000002","lane":"A","share":1.0}],"age_s":9,"confidence":0.4}}}}}"#,
    );
    assert_eq!(status.estimates.map(|estimates| estimates.lanes.len()), Some(2));
}

#[test]
fn estimates_of_another_kind_never_cost_the_status() {
    let with = |estimates: &str| -> Status {
        let text = format!(
            r#"{{"device_id":"00000000-0000-4000-8000-0000000000d1","online":true,"estimates":{estimates}}}"#
        );
        decode(text.as_bytes()).expect("the status counts all the same")
    };
    for other in ["null", "7", "[]", r#"{"lanes":[]}"#, r#"{"lanes":{"N":{"present":"many"}}}"#] {
        let status = with(other);
        assert!(status.online && status.estimates.is_none_or(|known| known.lanes.is_empty()), "{other}");
    }
    let newer = with(r#"{"more":1,"lanes":{"N":{"stop_reader":{"state":"dazzled"},"new_s":{"value":1}}}}"#);
    let lanes = newer.estimates.expect("what is new is left out").lanes;
    assert!(lanes["N"].stop_reader.is_some() && lanes["N"].present.is_none());
}

#[test]
fn status_with_the_level_of_control() {
    for level in ["rolling_horizon", "greedy", "actuated", "splits", "fixed"] {
        let json = format!(
            r#"{{"v":1,"device_id":"00000000-0000-4000-8000-0000000000d1","online":true,
            "controller":{{"state":"green","mode":"automatic","fault":null,"interlock_trips":0,"level":"{level}"}}}}"#
        );
        let _: Status = frozen(&json);
    }
    let newer: Status = decode(
        br#"{"device_id":"00000000-0000-4000-8000-0000000000d1","online":true,
        "controller":{"state":"green","mode":"automatic","fault":null,"level":"telepathy"}}"#,
    )
    .expect("a level of a newer agent is no reason to refuse its status");
    assert_eq!(newer.controller.expect("it has one").level, Some(ControlLevel::Other));
}

#[test]
fn status_with_who_decides_and_the_cabinet() {
    for control in
        ["fault", "panel", "emergency_vehicle", "emergency", "manual_override", "transit", "plan", "fallback"]
    {
        let json = format!(
            r#"{{"v":1,"device_id":"00000000-0000-4000-8000-0000000000d1","online":true,
            "controller":{{"state":"green","mode":"automatic","control":"{control}","fault":null,"interlock_trips":0,
            "cabinet":{{"panel":true,"flash":false,"door_open":true}}}}}}"#
        );
        let status: Status = frozen(&json);
        let known = status.controller.and_then(|controller| controller.control).expect("it has one");
        assert_eq!(known.name(), control);
    }
    let newer: Status = decode(
        br#"{"device_id":"00000000-0000-4000-8000-0000000000d1","online":true,
        "controller":{"state":"green","mode":"automatic","control":"telepathy","fault":null}}"#,
    )
    .expect("whom only a newer agent knows is no reason to refuse its status");
    assert_eq!(newer.controller.expect("it has one").control, Some(SignalControl::Other));
}

#[test]
fn signal() {
    let _: Signal = frozen(
        r#"{"v":1,"t":"2026-02-10T14:30:00Z","stage":"N","state":"amber","next_stage":"E","groups":{"E":"red","N":"amber","P":"flash_amber"},
        "since":"2026-02-10T14:30:00Z","plan_id":"p1","mode":"automatic","cycle_second":12}"#,
    );
    let _: Signal = frozen(
        r#"{"v":1,"t":"2026-02-10T14:30:00Z","stage":null,"state":"flash","groups":{},"since":"2026-02-10T14:30:00Z","plan_id":null,
        "mode":"automatic","cycle_second":0}"#,
    );
}

#[test]
fn demand() {
    let _: Demand = frozen(
        r#"{"v":1,"device_id":"00000000-0000-4000-8000-0000000000d1","t":"2026-02-10T14:30:00Z",
        "reads":[{"lane":"N","zone":"advance","epc":"34161FA8203E7CB202000020"}],
        "lanes":[{"lane":"N","present":1.0,"inventory":2.0,"capacity":16.0}],
        "departures":[{"to_junction":"00000000-0000-4000-8000-000000000002","in_s":[1.0,3.5]}]}"#,
    );
    let _: Demand = frozen(
        r#"{"v":1,"device_id":"00000000-0000-4000-8000-0000000000d1","t":"2026-02-10T14:30:00Z",
        "departed":[{"lane":"N","epc":"34161FA8203E7CB202000020","ago_s":1.5}],
        "greens":[{"lane":"N","in_s":0.0,"until_s":12.0},{"lane":"E","in_s":15.0}],
        "users":{"unseen":12.5,"seen":30.0}}"#,
    );
}

#[test]
fn a_newer_version_is_refused_and_unknown_fields_are_ignored() {
    let newer =
        decode::<Ack>(br#"{"v":2,"outbox_id":"00000000-0000-4000-8000-0000000000b1"}"#).expect_err("newer");
    assert_eq!(newer.to_string(), "version 2 is newer than 1, which this program speaks; update it");
    decode::<Ack>(br#"{"outbox_id":"00000000-0000-4000-8000-0000000000b1","more":1}"#)
        .expect("unknown fields are ignored");
    for bytes in [&b""[..], b"\xff\xfe", b"[]", b"null", b"{", b"{\"v\":\"1\"}"] {
        assert!(decode::<Ack>(bytes).is_err());
    }
}
