//! Tags that stay: a car that is parked in a zone, a tag that somebody has lost there.
//!
//! Actuation goes by when a lane was read last and has a record of its own, because it stands in when estimation has failed. A tag that is read
//! for ever would hold a green and call a stage for ever, and make readers that see nobody else look as if they knew the traffic.

use flextraff_common::epc::Epc;
use flextraff_common::time::MonoMs;
use std::collections::BTreeMap;

/// Whoever has been read for so long stays, milliseconds; no red lasts half as long.
const STAYS_MS: i64 = 600_000;
/// Whoever is not read for so long has gone, milliseconds.
const GONE_MS: i64 = 60_000;
/// So many tags are followed at most; of whoever comes beyond nothing is known.
const MOST: usize = 4000;

/// Since when each tag is read, and when it was read last.
#[derive(Clone, Debug, Default)]
pub(super) struct Stayers {
    read: BTreeMap<Epc, (MonoMs, MonoMs)>,
    cleared: Option<MonoMs>,
}

impl Stayers {
    /// Takes a read; whether its tag stays.
    pub(super) fn handle_read(&mut self, epc: Epc, at: MonoMs) -> bool {
        if self.cleared.is_none_or(|cleared| at.since(cleared) > GONE_MS) {
            self.read.retain(|_, (_, last)| at.since(*last) <= GONE_MS);
            self.cleared = Some(at);
        }
        if !self.read.contains_key(&epc) && self.read.len() >= MOST {
            return false;
        }
        let (since, last) = self.read.entry(epc).or_insert((at, at));
        if at.since(*last) > GONE_MS {
            *since = at;
        }
        *last = at;
        at.since(*since) > STAYS_MS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(number: u16) -> Epc {
        let [a, b] = number.to_be_bytes();
        Epc::new(&[0xE2, 0, 0, 0, 0, 0, 0, 0, 0, 0, a, b]).expect("12 bytes are an EPC")
    }

    #[test]
    fn a_tag_that_is_read_for_more_than_ten_minutes_stays() {
        let mut stayers = Stayers::default();
        let mut stays = |number: u16, second: i64| stayers.handle_read(tag(number), MonoMs(second * 1000));
        let staying: Vec<i64> = (0..=1200).step_by(5).filter(|second| stays(1, *second)).collect();
        assert_eq!((staying.first(), staying.len()), (Some(&605), 120));
        assert!(!stays(2, 1201), "another has just come");
        assert!(stays(1, 1260), "a minute hidden by a lorry");
        assert!(!stays(1, 1321), "it had gone, and is back");
    }

    #[test]
    fn memory_is_bounded() {
        let mut stayers = Stayers::default();
        for number in 0..u16::MAX {
            stayers.handle_read(tag(number), MonoMs(i64::from(number)));
        }
        assert!(stayers.read.len() <= MOST);
        stayers.handle_read(tag(0), MonoMs(200_000));
        assert_eq!(stayers.read.len(), 1, "all others have gone");
    }
}
