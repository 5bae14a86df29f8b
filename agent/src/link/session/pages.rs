//! Puts a watch-list together that came in several messages. It never holds more than one list at a time, nor more than the longest.

use flextraff_common::wire::{MAX_WATCHED, MAX_WATCHLIST_PAGES, Watched, Watchlist, WatchlistPage};
use std::collections::BTreeMap;
use uuid::Uuid;

/// Pages of one list.
#[derive(Debug, Default)]
pub(super) struct Pages {
    /// The list, and how many pages it has; none: nothing has come yet.
    of: Option<(Uuid, u32)>,
    come: BTreeMap<u32, Vec<Watched>>,
    /// The list that was whole last. Its pages come again whenever the device comes online; they do not take the place of a newer list of which
    /// the rest is still to come.
    whole: Option<Uuid>,
}

impl Pages {
    /// Takes a page; gives the list when it is the last that was missing, or is all of it. A list that comes again is given again: whoever got it
    /// may have had no room for it.
    ///
    /// # Errors
    /// Why it cannot be used, as a sentence. The list of before stays in force.
    pub(super) fn handle(&mut self, page: WatchlistPage) -> Result<Option<Watchlist>, String> {
        let too_many = |entries: usize| {
            format!("{entries} entries are too many; a watch-list has at most {MAX_WATCHED}")
        };
        if page.entries.len() > MAX_WATCHED {
            return Err(too_many(page.entries.len()));
        }
        let (list, number, pages) = match (page.list_id, page.page, page.pages) {
            (None, None, None) => {
                *self = Self::default();
                return Ok(Some(Watchlist { entries: page.entries }));
            }
            (Some(list), Some(number), Some(pages)) => (list, number, pages),
            _ => {
                return Err(
                    "list_id, page and pages of a watch-list belong together; send all or none".to_owned()
                );
            }
        };
        if pages > MAX_WATCHLIST_PAGES || !(1..=pages).contains(&number) {
            return Err(format!(
                "page {number} of {pages} of a watch-list cannot be; there are 1 to {MAX_WATCHLIST_PAGES}"
            ));
        }
        let newer = self.of.is_some_and(|(of, _)| of != list);
        if newer && self.whole == Some(list) {
            return Ok(None);
        }
        if self.of != Some((list, pages)) {
            self.of = Some((list, pages));
            self.come.clear();
        }
        self.come.insert(number, page.entries);
        let entries = self.come.values().map(Vec::len).sum();
        if entries > MAX_WATCHED {
            *self = Self { whole: self.whole, ..Self::default() };
            return Err(too_many(entries));
        }
        if self.come.len() < pages as usize {
            return Ok(None);
        }
        let entries = std::mem::take(&mut self.come).into_values().flatten().collect();
        *self = Self { whole: Some(list), ..Self::default() };
        Ok(Some(Watchlist { entries }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flextraff_common::epc::TagKey;
    use flextraff_common::time::UnixMs;
    use flextraff_common::wire::WatchedClass;
    use proptest::prelude::*;

    fn watched(n: usize) -> Watched {
        let epc = format!("{n:024X}").parse().expect("an EPC");
        let class = WatchedClass::Transit;
        Watched { tag: TagKey::new([7; 32]).tag(&epc), class, valid_until: UnixMs(n as i64) }
    }

    fn page(list: u128, number: u32, pages: u32, entries: usize) -> WatchlistPage {
        WatchlistPage {
            entries: (0..entries).map(|n| watched(number as usize * 10_000 + n)).collect(),
            list_id: Some(Uuid::from_u128(list)),
            page: Some(number),
            pages: Some(pages),
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn pages_in_any_order_and_number_make_the_list_once_all_are_there(
            pages in 1_u32..8, order in proptest::collection::vec((0_u128..2, 0_u32..8), 0..60),
        ) {
            let mut assembled = Pages::default();
            let mut expected: BTreeMap<u32, usize> = BTreeMap::new();
            let (mut present, mut whole) = (None, None);
            for (list, number) in order.into_iter().map(|(list, number)| (list, number % pages + 1)) {
                let got = assembled.handle(page(list, number, pages, number as usize)).expect("it is right");
                if whole == Some(list) && present.is_some_and(|present| present != list) {
                    prop_assert_eq!(got, None);
                    continue;
                }
                if present != Some(list) {
                    present = Some(list);
                    expected.clear();
                }
                expected.insert(number, number as usize);
                if expected.len() < pages as usize {
                    prop_assert_eq!(got, None);
                } else {
                    let all = (1..=pages).flat_map(|number| page(list, number, pages, number as usize).entries);
                    prop_assert_eq!(got, Some(Watchlist { entries: all.collect() }));
                    (present, whole) = (None, Some(list));
                    expected.clear();
                }
            }
        }
    }

    #[test]
    fn what_cannot_be_is_refused_and_holds_no_memory() {
        let mut pages = Pages::default();
        let half = WatchlistPage { pages: None, ..page(1, 1, 2, 1) };
        assert!(pages.handle(half).unwrap_err().contains("belong together"));
        for (number, of) in [(0, 3), (4, 3), (1, 0), (1, 65), (u32::MAX, u32::MAX)] {
            assert!(pages.handle(page(1, number, of, 1)).unwrap_err().contains("cannot be"));
        }
        assert!(pages.handle(page(1, 1, 2, 10_001)).unwrap_err().contains("10001 entries are too many"));
        assert_eq!(pages.handle(page(1, 1, 3, 6000)), Ok(None));
        assert!(pages.handle(page(1, 2, 3, 6000)).unwrap_err().contains("12000 entries are too many"));
        assert!(pages.come.is_empty());
        for list in 0..100 {
            assert_eq!(pages.handle(page(list, 1, 2, 9000)), Ok(None));
        }
        assert_eq!(pages.come.len(), 1, "one list at a time");
    }

    #[test]
    fn a_list_that_comes_again_is_given_again_and_disturbs_no_newer_one() {
        let mut pages = Pages::default();
        for _ in 0..2 {
            assert_eq!(pages.handle(page(1, 1, 2, 3)), Ok(None));
            let list = pages.handle(page(1, 2, 2, 3)).expect("it is right");
            assert_eq!(list.map(|list| list.entries.len()), Some(6));
        }
        assert_eq!(pages.handle(page(2, 1, 2, 3)), Ok(None));
        for number in 1..=2 {
            assert_eq!(pages.handle(page(1, number, 2, 3)), Ok(None), "the older one");
        }
        let list = pages.handle(page(2, 2, 2, 4)).expect("it is right");
        assert_eq!(list.map(|list| list.entries.len()), Some(7));
    }

    #[test]
    fn a_whole_list_takes_the_place_of_one_that_is_being_put_together() {
        let mut pages = Pages::default();
        assert_eq!(pages.handle(page(1, 1, 2, 3)), Ok(None));
        let whole = WatchlistPage { entries: vec![watched(1)], ..WatchlistPage::default() };
        assert_eq!(pages.handle(whole), Ok(Some(Watchlist { entries: vec![watched(1)] })));
        assert_eq!(pages.handle(page(1, 2, 2, 3)), Ok(None), "its first page is forgotten");
        assert!(
            pages.handle(page(1, 1, 2, 3)).is_ok_and(|list| list.is_some_and(|list| list.entries.len() == 6))
        );
    }
}
