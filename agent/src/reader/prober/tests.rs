use super::*;
use proptest::prelude::*;

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

/// A line with a reader that understands only its own speed and, perhaps, answers to its question; else it sends reads.
fn search(prober: &mut Prober, baud: u32, question: &[u8], answer: &[u8], reads: &[u8]) -> Found {
    let (mut now, mut at, mut pending) = (MonoMs(0), None, Vec::new());
    for _ in 0..2000 {
        for probe in prober.take_probes() {
            match probe {
                Probe::Baud(baud) => at = Some(baud),
                Probe::Ask(asked) if asked == question && at == Some(baud) => {
                    pending.extend_from_slice(answer);
                }
                Probe::Ask(_) => {}
            }
        }
        let heard = std::mem::take(&mut pending);
        // What comes at another speed is garbage.
        let heard =
            if at == Some(baud) { [heard.as_slice(), reads].concat() } else { vec![0xE6, 0x80, 0x1E] };
        now = now + 100;
        if let Some(found) = prober.feed(&heard, now).or_else(|| prober.handle_timeout(now)) {
            return found;
        }
    }
    panic!("nothing found");
}

const READERS: [(Protocol, &str, &str, &str); 7] = [
    (
        Protocol::Uhfreader,
        "04FF211995",
        "1100210000160C034E001E0A01000000E651",
        "1400EE00010C34161FA8203E7CB20200002050E4A0",
    ),
    (Protocol::Cf, "CFFF0070002415", "", "CF0000011200FD3A01000CE28069950000400A8F3981330A1D"),
    (Protocol::M100, "BB0003000100047E", "", "BB02220011C9340030751FEB705C5904E3D50D703A76EF7E"),
    (
        Protocol::Thingmagic,
        "FF00031D0C",
        "FF14030000141208003000000220220804010B0125000000107962",
        "FF0022040084E0",
    ),
    (Protocol::A0, "A0030172EA", "A00501720109DE", "A0130189043000E200301666130121155074EF45BF"),
    (Protocol::Cc, "", "", "CCFFFF200512003400E28011700000021B09926B1705CCBA23"),
    (Protocol::Ascii, "", "", "3334313631464138323033453743423230323030303032300D0A"),
];

#[test]
fn each_family_is_found_by_its_reads_at_two_speeds_and_no_read_is_lost() {
    for (protocol, _, _, read) in READERS {
        for baud in [9600, 115_200] {
            let mut prober = Prober::new(Protocol::Auto, Some(57_600), None, ReaderMode::Listen, MonoMs(0));
            let read = bytes(read);
            let found = search(&mut prober, baud, &[], &[], &read);
            assert_eq!((found.protocol, found.baud), (protocol, Some(baud)));
            // The keep-alive of ThingMagic holds none.
            let least = if protocol == Protocol::Thingmagic { 0 } else { 3 };
            assert!(found.tags.len() >= least, "{protocol:?} lost reads");
        }
    }
}

#[test]
fn each_family_that_answers_is_found_by_its_answer() {
    for (protocol, question, answer, _) in READERS.into_iter().filter(|reader| !reader.2.is_empty()) {
        for baud in [57_600, 19_200] {
            let mut prober = Prober::new(Protocol::Auto, Some(57_600), None, ReaderMode::Drive, MonoMs(0));
            let found = search(&mut prober, baud, &bytes(question), &bytes(answer), &[]);
            assert_eq!((found.protocol, found.baud), (protocol, Some(baud)));
        }
    }
}

#[test]
fn a_reader_that_reads_seldom_is_listened_to_for_longer() {
    let mut prober = Prober::new(Protocol::Auto, Some(57_600), None, ReaderMode::Listen, MonoMs(0));
    let read = bytes(READERS[0].3);
    let found = (0..60).find_map(|at| {
        let now = MonoMs(at * 100);
        let speeds = prober.take_probes();
        assert_eq!(
            speeds.len(),
            usize::from(at == 0),
            "it stays at the speed at which it has heard something"
        );
        // One vehicle each two seconds.
        let found = (at % 20 == 6).then(|| prober.feed(&read, now)).flatten();
        found.or_else(|| prober.handle_timeout(now))
    });
    let found = found.expect("three reads prove it");
    assert_eq!((found.protocol, found.baud, found.tags.len()), (Protocol::Uhfreader, Some(57_600), 3));
}

#[test]
fn nothing_is_asked_of_a_line_that_is_only_listened_to() {
    let mut prober = Prober::new(Protocol::Auto, None, None, ReaderMode::Listen, MonoMs(0));
    for at in 0..600 {
        assert!(prober.handle_timeout(MonoMs(at * 100)).is_none());
        assert_eq!(prober.take_probes(), []);
    }
    assert!(prober.rounds() > 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn noise_is_no_reader(noise in proptest::collection::vec(any::<u8>(), 0..8000)) {
        let mut prober = Prober::new(Protocol::Auto, None, None, ReaderMode::Listen, MonoMs(0));
        let mut now = MonoMs(0);
        for part in noise.chunks(200) {
            now = now + 20;
            prop_assert!(prober.feed(part, now).is_none());
            prop_assert!(prober.handle_timeout(now).is_none());
        }
    }

    #[test]
    fn one_frame_proves_nothing(reader in 0..READERS.len()) {
        let mut prober = Prober::new(Protocol::Auto, None, None, ReaderMode::Listen, MonoMs(0));
        let read = bytes(READERS[reader].3);
        prop_assert!(prober.feed(&read, MonoMs(1)).is_none());
        prop_assert!(prober.handle_timeout(MonoMs(1000)).is_none());
    }
}
