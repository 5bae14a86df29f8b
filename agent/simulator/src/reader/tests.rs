use super::*;
use std::fs::File;
use std::io::Read;
use std::path::Path;

fn open(path: &Path) -> File {
    File::options().read(true).write(true).open(path).expect("the device file opens")
}

/// Waits for a condition; the readers' own thread makes progress meanwhile.
fn until(mut condition: impl FnMut() -> bool) -> bool {
    let clock = Clock::start();
    let (_keep, never) = channel::<()>();
    while clock.now() < MonoMs(5000) {
        if condition() {
            return true;
        }
        let _ = never.recv_timeout(Duration::from_millis(5));
    }
    false
}

fn epc() -> Epc {
    "34161FA8203E7CB202000020".parse().expect("an EPC")
}

#[test]
fn frames_arrive_intact_and_are_confirmed() {
    let dir = tempfile::tempdir().unwrap();
    let link = dir.path().join("north");
    let clock = Clock::start();
    let pty = Pty::open(&link).unwrap();
    assert!(!pty.has_listener());
    assert_eq!(pty.write(b"x"), Written::NobodyListens);
    let mut listener = open(&link);
    assert!(pty.has_listener());
    let readers = Readers::start(vec![(pty, Dialect::Ports)], clock, 1).unwrap();
    for read in 0..120_u32 {
        readers.report(Report { reader: 0, at: clock.now(), port: 1, epc: epc(), rssi: 0x50, read });
    }
    let mut confirmed = Vec::new();
    assert!(until(|| {
        confirmed.extend(readers.sent().map(|(_, read)| read));
        confirmed.len() >= 110 && confirmed.last() >= Some(&118)
    }));
    let whole = tag(Dialect::Ports, 1, &epc(), 0x50);
    let mut stream = Vec::new();
    let mut buffer = [0; 4096];
    while stream.windows(whole.len()).filter(|window| *window == whole).count() < confirmed.len() {
        let count = listener.read(&mut buffer).unwrap();
        stream.extend_from_slice(&buffer[..count]);
    }
    assert_eq!(readers.dropped(), 0);
    assert_eq!(readers.listeners(), 1);
    drop(readers);
    assert!(!link.exists(), "the link goes with the readers");
}

#[test]
fn a_listener_that_does_not_read_loses_frames_and_blocks_nobody() {
    let dir = tempfile::tempdir().unwrap();
    let (slow, quick) = (dir.path().join("slow"), dir.path().join("quick"));
    let clock = Clock::start();
    let lines =
        vec![(Pty::open(&slow).unwrap(), Dialect::Ports), (Pty::open(&quick).unwrap(), Dialect::Plain)];
    let readers = Readers::start(lines, clock, 1).unwrap();
    let (_deaf, mut listener) = (open(&slow), open(&quick));
    // Far more than a pseudo-terminal buffers, in bursts that the queue of one line holds.
    let mut reported = 0_u32;
    assert!(until(|| {
        for _ in 0..100 {
            readers.report(Report {
                reader: 0,
                at: clock.now(),
                port: 1,
                epc: epc(),
                rssi: 1,
                read: reported,
            });
            reported += 1;
        }
        readers.dropped() > 100
    }));
    assert!((readers.sent().count() as u32) < reported);
    for read in 0..50 {
        readers.report(Report { reader: 1, at: clock.now(), port: 1, epc: epc(), rssi: 1, read });
    }
    let whole = tag(Dialect::Plain, 1, &epc(), 1);
    let (mut stream, mut buffer) = (Vec::new(), [0; 4096]);
    while stream.windows(whole.len()).filter(|window| *window == whole).count() < 40 {
        let count = listener.read(&mut buffer).unwrap();
        stream.extend_from_slice(&buffer[..count]);
    }
}

#[test]
fn reads_while_nobody_listens_are_not_sent() {
    let dir = tempfile::tempdir().unwrap();
    let link = dir.path().join("n");
    let clock = Clock::start();
    let readers = Readers::start(vec![(Pty::open(&link).unwrap(), Dialect::Ports)], clock, 1).unwrap();
    for read in 0..50_u32 {
        readers.report(Report { reader: 0, at: clock.now(), port: 1, epc: epc(), rssi: 1, read });
    }
    assert!(until(|| readers.unheard() >= 50));
    assert_eq!(readers.sent().count(), 0);
    let listener = open(&link);
    assert!(until(|| readers.listeners() == 1));
    drop(listener);
    assert!(until(|| readers.listeners() == 0));
    assert!(readers.working());
}

#[test]
fn a_reader_whose_cable_was_pulled_comes_back_as_another_device() {
    let dir = tempfile::tempdir().unwrap();
    let link = dir.path().join("n");
    let clock = Clock::start();
    let readers = Readers::start(vec![(Pty::open(&link).unwrap(), Dialect::Ports)], clock, 1).unwrap();
    let mut listener = open(&link);
    assert!(until(|| readers.listeners() == 1));
    readers.plug(0, false);
    assert!(until(|| readers.listeners() == 0 && !link.exists()));
    // Whoever has the old device open learns that it is gone.
    assert!(until(|| !matches!(listener.read(&mut [0; 64]), Ok(count) if count > 0)));
    readers.report(Report { reader: 0, at: clock.now(), port: 1, epc: epc(), rssi: 1, read: 1_u32 });
    assert!(until(|| readers.unheard() == 1));
    readers.plug(0, true);
    assert!(until(|| link.exists()));
    let _again = open(&link);
    assert!(until(|| readers.listeners() == 1));
    // A frame may be cut by the simulated line itself; of several one is whole.
    for read in 2..20 {
        readers.report(Report { reader: 0, at: clock.now(), port: 1, epc: epc(), rssi: 1, read });
    }
    assert!(until(|| readers.sent().any(|(_, read)| read >= 2)));
}
