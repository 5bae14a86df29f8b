//! Greens without a plan: by time of day, or equal.

use crate::config::FallbackTable;
use chrono::{DateTime, Datelike, Timelike};
use chrono_tz::Tz;
use flextraff_common::junction::Junction;
use flextraff_common::plan::StagePlan;
use flextraff_common::time::UnixMs;

/// Green of a stage for which no table speaks, seconds, before it is clipped to the stage's range.
const GREEN_S: u32 = 25;

/// Time-of-day tables, read in the junction's local time.
#[derive(Clone, Debug)]
pub struct Fallback {
    tables: Vec<FallbackTable>,
    time_zone: Tz,
}

impl Fallback {
    /// Tables in order of precedence: of two that cover the same minute the first counts.
    pub fn new(tables: Vec<FallbackTable>, time_zone: Tz) -> Self {
        Self { tables, time_zone }
    }

    /// The stages to serve and their greens, at least one; `wall`: the time, when it can be trusted.
    ///
    /// Every green lies within its stage's range. Without a trusted time, or outside all tables, every stage has 25 s.
    pub fn stages(&self, junction: &Junction, wall: Option<UnixMs>) -> Vec<StagePlan> {
        let table = wall
            .and_then(|wall| DateTime::from_timestamp_millis(wall.0))
            .and_then(|time| self.table_at(&time.with_timezone(&self.time_zone)));
        let green = |position: usize| match table {
            Some(table) => table.greens.get(position).copied().unwrap_or(GREEN_S),
            None => GREEN_S,
        };
        let stages: Vec<StagePlan> = junction
            .stage_indexes()
            .filter(|stage| green(stage.index()) > 0)
            .map(|ix| {
                let stage = junction.stage(ix);
                StagePlan::exact(ix, green(ix.index()).clamp(stage.min_green_s, stage.max_green_s))
            })
            .collect();
        if stages.is_empty() { Self::new(Vec::new(), self.time_zone).stages(junction, None) } else { stages }
    }

    fn table_at(&self, local: &DateTime<Tz>) -> Option<&FallbackTable> {
        let minute = local.hour() * 60 + local.minute();
        let today = local.weekday().num_days_from_monday() as usize;
        let yesterday = (today + 6) % 7;
        self.tables.iter().find(|table| {
            let (from, to) = (u32::from(table.from_min), u32::from(table.to_min));
            if from < to {
                table.days[today] && (from..to).contains(&minute)
            } else {
                (table.days[today] && minute >= from) || (table.days[yesterday] && minute < to)
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::tests::four_way;

    fn table(days: &[usize], from_min: u16, to_min: u16, greens: [u32; 4]) -> FallbackTable {
        let mut on = [false; 7];
        for &day in days {
            on[day] = true;
        }
        FallbackTable { days: on, from_min, to_min, greens: greens.to_vec() }
    }

    fn greens(fallback: &Fallback, wall: Option<&str>) -> Vec<(usize, u32)> {
        let wall = wall.map(|text| UnixMs::parse(text).expect("the test's time is one"));
        let stages = fallback.stages(&four_way(), wall);
        stages.iter().map(|stage| (stage.stage.index(), stage.green_s)).collect()
    }

    const EQUAL: [(usize, u32); 4] = [(0, 25), (1, 25), (2, 25), (3, 25)];

    #[test]
    fn a_table_counts_on_its_days_in_local_time_and_on_a_trusted_clock_only() {
        let morning = table(&[0, 1, 2, 3, 4], 7 * 60, 10 * 60 + 30, [40, 10, 20, 30]);
        let fallback = Fallback::new(vec![morning], Tz::Asia__Kolkata);
        let table = vec![(0, 40), (1, 10), (2, 20), (3, 30)];
        assert_eq!(greens(&fallback, Some("2026-02-09T07:00:00+05:30")), table, "a Monday");
        assert_eq!(greens(&fallback, Some("2026-02-09T01:30:00Z")), table);
        assert_eq!(greens(&fallback, Some("2026-02-09T06:59:59+05:30")), EQUAL);
        assert_eq!(greens(&fallback, Some("2026-02-09T10:30:00+05:30")), EQUAL);
        assert_eq!(greens(&fallback, Some("2026-02-08T08:00:00+05:30")), EQUAL, "a Sunday");
        assert_eq!(greens(&fallback, None), EQUAL);
    }

    #[test]
    fn a_table_that_crosses_midnight_belongs_to_the_day_on_which_it_starts() {
        let night = table(&[4], 22 * 60, 5 * 60, [8, 8, 8, 8]);
        let fallback = Fallback::new(vec![night], Tz::Asia__Kolkata);
        let short = vec![(0, 8), (1, 8), (2, 8), (3, 8)];
        assert_eq!(greens(&fallback, Some("2026-02-13T22:00:00+05:30")), short, "Friday evening");
        assert_eq!(greens(&fallback, Some("2026-02-14T04:59:00+05:30")), short, "Saturday before five");
        assert_eq!(greens(&fallback, Some("2026-02-14T05:00:00+05:30")), EQUAL);
        assert_eq!(greens(&fallback, Some("2026-02-13T04:00:00+05:30")), EQUAL, "Friday before five");
        assert_eq!(greens(&fallback, Some("2026-02-14T22:00:00+05:30")), EQUAL, "Saturday evening");
    }

    #[test]
    fn zero_leaves_a_stage_out_and_the_range_of_the_stage_holds() {
        let all = table(&[0, 1, 2, 3, 4, 5, 6], 0, 1440, [100, 0, 3, 20]);
        let fallback = Fallback::new(vec![all], Tz::UTC);
        assert_eq!(greens(&fallback, Some("2026-02-09T12:00:00Z")), [(0, 60), (2, 7), (3, 20)]);
        let nothing = table(&[0, 1, 2, 3, 4, 5, 6], 0, 1440, [0; 4]);
        assert_eq!(greens(&Fallback::new(vec![nothing], Tz::UTC), Some("2026-02-09T12:00:00Z")), EQUAL);
    }

    #[test]
    fn the_first_of_two_tables_counts() {
        let one = table(&[0], 60, 60, [30; 4]);
        let two = table(&[0, 1], 0, 1440, [9; 4]);
        let fallback = Fallback::new(vec![one, two], Tz::UTC);
        assert_eq!(greens(&fallback, Some("2026-02-09T00:59:00Z"))[0], (0, 9));
        assert_eq!(greens(&fallback, Some("2026-02-09T01:00:00Z"))[0], (0, 30));
        assert_eq!(
            greens(&fallback, Some("2026-02-10T00:59:00Z"))[0],
            (0, 30),
            "24 hours when start and end agree"
        );
        assert_eq!(greens(&fallback, Some("2026-02-10T01:00:00Z"))[0], (0, 9));
    }
}
