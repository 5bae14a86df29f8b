//! Whether what is stored is what happened on the street: each passage once, and nothing missing where the counts say that somebody watched.
//! Pure.

use super::super::live::Reported;
use super::super::summary::{CountRow, GapRow};
use flextraff_common::ids::{JunctionId, LaneId};
use flextraff_common::time::UnixMs;
use std::collections::{BTreeMap, BTreeSet};

/// How far apart the clocks of whoever wrote a frame and whoever read it may be, milliseconds.
const APART_MS: i64 = 400;
/// How much shorter than its interval the watched time may be for the lane still to count as watched throughout, seconds.
const ROUNDED_S: f64 = 0.05;
/// How long what an agent has read may wait until the server has it, milliseconds; what is older than that is not lost with an outbox. As long
/// as the suite keeps it waiting at most: the tables, the broker and the server away one after the other, after each of them half a minute until
/// the agent tries again, and some 15 s until a row is made of a read.
const WAITS_MS: i64 = 180_000;
/// Of fewer passages at a junction nobody can say what is usual there.
const ENOUGH: usize = 20;
/// A vehicle that is not read for so long may count as two passages, milliseconds: `absence_s` without the reads that a kill takes with it.
const MAY_RETURN_MS: i64 = 10_000 - 2500;

/// A passage as the readers told it.
#[derive(Clone, Debug)]
pub(in crate::demo) struct Truth {
    pub(in crate::demo) junction: JunctionId,
    pub(in crate::demo) epc: String,
    /// When a stop-line read went out whole to somebody who listened, and which lane its antenna watches; in order of time, never empty.
    pub(in crate::demo) reads: Vec<(UnixMs, LaneId)>,
}

impl Truth {
    /// `lanes` of the junction in the order of sides; `wall` tells the wall time of a time of the simulator.
    pub(in crate::demo) fn new(
        junction: JunctionId,
        lanes: &[LaneId; 4],
        reported: &Reported,
        wall: impl Fn(flextraff_common::time::MonoMs) -> UnixMs,
    ) -> Self {
        let reads = reported.reads.iter().map(|(at, side)| (wall(*at), lanes[*side as usize])).collect();
        Self { junction, epc: reported.epc.to_string(), reads }
    }

    /// How many passages it may have become: a vehicle that was away comes again, and whoever is there when an outbox is set aside, which takes
    /// the open passages with it, is new to the next one.
    fn at_most(&self, damaged: &[(JunctionId, UnixMs)]) -> usize {
        let away = |pair: &&[(UnixMs, LaneId)]| pair[1].0.since(pair[0].0) >= MAY_RETURN_MS;
        let times_away = self.reads.windows(2).filter(away).count();
        let forgotten = damaged.iter().filter(|(junction, at)| *junction == self.junction && self.holds(*at));
        1 + times_away + forgotten.count()
    }

    fn holds(&self, at: UnixMs) -> bool {
        let (first, last) = (self.reads[0].0, self.reads[self.reads.len() - 1].0);
        at.since(first) >= -APART_MS && at.since(last) <= APART_MS
    }
}

/// What came of the comparison.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::demo) struct Verdict {
    /// Passages that are stored.
    pub(in crate::demo) stored: u64,
    /// Junctions of the passages that are not stored, and at whose reads nobody watched or a gap says so.
    pub(in crate::demo) unwatched: Vec<JunctionId>,
    /// Sentences: passages that are missing although their lane was watched.
    pub(in crate::demo) missing: Vec<String>,
    /// Sentences: passages that are stored more than once.
    pub(in crate::demo) doubled: Vec<String>,
}

/// Compares the street with what is stored. `damaged`: where and when an outbox was damaged.
pub(in crate::demo) fn compare(
    truths: &[Truth],
    rows: &[CountRow],
    gaps: &[GapRow],
    damaged: &[(JunctionId, UnixMs)],
) -> Verdict {
    let mut stored: BTreeMap<(JunctionId, &str), Vec<UnixMs>> = BTreeMap::new();
    let mut watched: BTreeMap<LaneId, Vec<&CountRow>> = BTreeMap::new();
    for row in rows {
        watched.entry(row.lane_id).or_default().push(row);
        for (epc, at) in row.passages() {
            stored.entry((row.junction_id, epc)).or_default().push(at);
        }
    }
    let gaps: Vec<GapRow> = gaps.iter().map(|gap| bounded(*gap, damaged, gaps)).collect();
    let mut verdict = Verdict::default();
    for truth in truths {
        let times = stored.get(&(truth.junction, truth.epc.as_str())).map_or(&[][..], Vec::as_slice);
        let count = times.iter().filter(|at| truth.holds(**at)).count();
        if count > truth.at_most(damaged) {
            verdict.doubled.push(format!("{} is stored {count} times: {}", truth.epc, shown(times)));
        }
        if count > 0 {
            verdict.stored += 1;
            continue;
        }
        let seen = truth.reads.iter().find(|(at, lane)| {
            let rows = watched.get(lane).map_or(&[][..], Vec::as_slice);
            is_watched(rows, *at) && !gaps.iter().any(|gap| gap.holds(truth.junction, *at, APART_MS))
        });
        match seen {
            None => verdict.unwatched.push(truth.junction),
            Some((at, lane)) => {
                verdict
                    .missing
                    .push(format!("{} was read at {at} on lane {lane}, which was watched", truth.epc));
            }
        }
    }
    verdict
}

/// When the outbox of a junction was damaged, in order of time, and whether a gap tells of it: one of an outbox that was set aside, and the
/// next one after the damage.
fn damages(junction: JunctionId, damaged: &[(JunctionId, UnixMs)], gaps: &[GapRow]) -> Vec<(UnixMs, bool)> {
    let of_junction = damaged.iter().filter(|(one, _)| *one == junction);
    let mut all: Vec<(UnixMs, bool)> = of_junction.map(|(_, at)| (*at, false)).collect();
    all.sort_unstable();
    for gap in gaps.iter().filter(|gap| gap.junction_id == junction && gap.from.is_none()) {
        if let Some((_, told)) =
            all.iter_mut().rfind(|(at, _)| gap.to.is_some_and(|to| at.since(to) <= APART_MS))
        {
            *told = true;
        }
    }
    all
}

/// Whether the gap of a damage may itself have gone with the next one: it had to wait like any other row.
fn went_with((at, told): (UnixMs, bool), next: UnixMs) -> bool {
    !told && next.since(at) <= WAITS_MS
}

/// An outbox that was set aside cannot tell from when on rows were in it: not from before [`WAITS_MS`] ahead of the damage, or of the damages
/// of which its gap tells as well. One that nobody damaged excuses nothing.
fn bounded(gap: GapRow, damaged: &[(JunctionId, UnixMs)], gaps: &[GapRow]) -> GapRow {
    let before = |to: UnixMs| {
        let damages = damages(gap.junction_id, damaged, gaps);
        let mut before = damages.into_iter().rev().skip_while(|(at, _)| at.since(to) > APART_MS);
        let (mut first, _) = before.next()?;
        for damage in before {
            if !went_with(damage, first) {
                break;
            }
            first = damage.0;
        }
        Some(first + -WAITS_MS)
    };
    GapRow { from: gap.from.or_else(|| gap.to.and_then(before)), ..gap }
}

/// How many junctions told of more than a fifth of their passages that nobody watched: an agent that watches late again after each fault says
/// nothing wrong either.
pub(in crate::demo) fn asleep(truths: &[Truth], unwatched: &[JunctionId]) -> u64 {
    let of = |junction| truths.iter().filter(|truth| truth.junction == junction).count();
    let junctions: BTreeSet<JunctionId> = unwatched.iter().copied().collect();
    let slept = |junction: &&JunctionId| {
        let all = of(**junction);
        all >= ENOUGH && unwatched.iter().filter(|one| one == junction).count() * 5 > all
    };
    junctions.iter().filter(slept).count() as u64
}

/// How many damages of outboxes no gap tells of, although it had time to arrive before the next damage.
pub(in crate::demo) fn untold(damaged: &[(JunctionId, UnixMs)], gaps: &[GapRow]) -> u64 {
    let junctions: BTreeSet<JunctionId> = damaged.iter().map(|(junction, _)| *junction).collect();
    let of = |junction: JunctionId| {
        let damages = damages(junction, damaged, gaps);
        let went = damages.windows(2).filter(|pair| went_with(pair[0], pair[1].0)).count();
        damages.iter().filter(|(_, told)| !told).count() - went
    };
    junctions.into_iter().map(of).sum::<usize>() as u64
}

/// Whether the rows of a lane say that it was watched at a time and shortly before and after it.
fn is_watched(rows: &[&CountRow], at: UnixMs) -> bool {
    [-APART_MS, 0, APART_MS].into_iter().all(|shift| {
        let at = at + shift;
        let row = rows.iter().find(|row| row.start <= at && at < row.end);
        row.is_some_and(|row| row.observed_s >= row.end.since(row.start) as f64 / 1000.0 - ROUNDED_S)
    })
}

fn shown(times: &[UnixMs]) -> String {
    times.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::super::schedule::Fault;
    use super::*;
    use uuid::Uuid;

    const EPC: &str = "34161FA8203E7CB202000020";

    fn junction() -> JunctionId {
        JunctionId(Uuid::from_u128(1))
    }

    fn lane() -> LaneId {
        LaneId(Uuid::from_u128(2))
    }

    fn truth(reads: &[i64]) -> Truth {
        let reads = reads.iter().map(|at| (UnixMs(*at), lane())).collect();
        Truth { junction: junction(), epc: EPC.to_owned(), reads }
    }

    /// Intervals of 5 s from 0 on, with what was observed of each and the passages in it, from its start.
    fn rows(intervals: &[(f64, &[i64])]) -> Vec<CountRow> {
        let row = |(at, (observed_s, passages)): (usize, &(f64, &[i64]))| CountRow {
            junction_id: junction(),
            lane_id: lane(),
            start: UnixMs(at as i64 * 5000),
            end: UnixMs(at as i64 * 5000 + 5000),
            observed_s: *observed_s,
            epcs: vec![EPC.to_owned(); passages.len()],
            t_ms: passages.to_vec(),
        };
        intervals.iter().enumerate().map(row).collect()
    }

    #[test]
    fn a_passage_is_stored_once_or_there_is_a_sentence() {
        let once = compare(&[truth(&[1000, 2000])], &rows(&[(5.0, &[1000]), (5.0, &[])]), &[], &[]);
        assert_eq!(once, Verdict { stored: 1, ..Verdict::default() });
        let twice = compare(&[truth(&[1000, 6000])], &rows(&[(5.0, &[1000]), (5.0, &[1000])]), &[], &[]);
        assert_eq!((twice.doubled.len(), twice.stored), (1, 1));
        let forgotten = [(junction(), UnixMs(3000))];
        let twice =
            compare(&[truth(&[1000, 6000])], &rows(&[(5.0, &[1000]), (5.0, &[1000])]), &[], &forgotten);
        assert_eq!((twice.doubled.len(), twice.stored), (0, 1));
        let missing = compare(&[truth(&[1000, 2000])], &rows(&[(5.0, &[]), (5.0, &[])]), &[], &[]);
        assert_eq!((missing.missing.len(), missing.unwatched.len()), (1, 0));
    }

    #[test]
    fn what_nobody_watched_is_no_loss() {
        let truths = [truth(&[1000, 2000])];
        let unwatched = Verdict { unwatched: vec![junction()], ..Verdict::default() };
        assert_eq!(compare(&truths, &rows(&[(3.2, &[]), (5.0, &[])]), &[], &[]), unwatched);
        assert_eq!(compare(&truths, &[], &[], &[]), unwatched);
        let whole = rows(&[(5.0, &[]), (5.0, &[])]);
        let gap = GapRow { junction_id: junction(), from: Some(UnixMs(0)), to: Some(UnixMs(3000)) };
        assert_eq!(compare(&truths, &whole, &[gap], &[]), unwatched);
        // One read of it lies where somebody watched.
        let late = compare(&[truth(&[1000, 7000])], &rows(&[(3.2, &[]), (5.0, &[]), (5.0, &[])]), &[], &[]);
        assert_eq!(late.missing.len(), 1);
    }

    #[test]
    fn an_outbox_that_was_set_aside_excuses_only_what_may_still_have_been_in_it() {
        let intervals: Vec<(f64, &[i64])> = vec![(5.0, &[]); 160];
        let watched = rows(&intervals);
        let damaged = [(junction(), UnixMs(400_000)), (junction(), UnixMs(790_000))];
        let gap = |to| GapRow { junction_id: junction(), from: None, to: Some(UnixMs(to)) };
        let missing = |read, gaps: &[GapRow], damaged: &[_]| {
            compare(&[truth(&[read])], &watched, gaps, damaged).missing.len()
        };
        let gaps = [gap(402_000), gap(792_000)];
        assert_eq!(missing(100_000, &gaps, &damaged), 1, "five minutes before a damage");
        assert_eq!(missing(390_000, &gaps, &damaged), 0, "shortly before a damage");
        assert_eq!(missing(401_000, &gaps, &damaged), 0, "before the agent is back");
        assert_eq!(missing(500_000, &gaps, &damaged), 1, "long after the one and long before the other");
        assert_eq!(missing(780_000, &gaps, &damaged), 0);
        assert_eq!(missing(780_000, &gaps[..1], &damaged), 1, "a damage that nobody tells of");
        assert_eq!(missing(390_000, &gaps, &[]), 1, "set aside although nobody damaged it");
        assert_eq!(missing(390_000, &gaps, &[(JunctionId(Uuid::from_u128(9)), UnixMs(400_000))]), 1);
    }

    #[test]
    fn so_long_the_suite_keeps_rows_waiting() {
        let away = [Fault::Tables, Fault::Broker { remembers: false }, Fault::Server];
        let away_ms = away.into_iter().map(|fault| fault.lasts_ms().1 + 30_000).sum::<i64>();
        assert_eq!(WAITS_MS, (away_ms + 15_000 + 59_999) / 60_000 * 60_000);
    }

    #[test]
    fn a_junction_that_hardly_ever_watches_is_told_and_so_is_a_damage_without_a_gap() {
        let truths: Vec<Truth> = (0..20).map(|number| truth(&[number * 1000])).collect();
        assert_eq!(asleep(&truths, &[junction(); 4]), 0);
        assert_eq!(asleep(&truths, &[junction(); 5]), 1);
        assert_eq!(asleep(&truths[1..], &[junction(); 11]), 0, "too few to tell");
        let other = JunctionId(Uuid::from_u128(9));
        let gap = |junction_id, to| GapRow { junction_id, from: None, to: Some(UnixMs(to)) };
        let damaged = [(junction(), UnixMs(0)), (junction(), UnixMs(400_000))];
        let (first, second) = (gap(junction(), 2000), gap(junction(), 402_000));
        assert_eq!(untold(&damaged, &[first, second]), 0);
        assert_eq!(untold(&damaged, &[first, gap(other, 402_000)]), 1);
        assert_eq!(untold(&damaged, &[second, second]), 1, "two tell of the same");
        assert_eq!(
            untold(&damaged, &[GapRow { from: Some(UnixMs(0)), ..first }, second]),
            1,
            "of a full outbox"
        );
        assert_eq!(untold(&damaged, &[]), 2);
    }

    #[test]
    fn a_gap_may_go_with_the_next_damage_which_then_tells_of_both() {
        let intervals: Vec<(f64, &[i64])> = vec![(5.0, &[]); 100];
        let watched = rows(&intervals);
        let gap = |to| GapRow { junction_id: junction(), from: None, to: Some(UnixMs(to)) };
        let missing = |read, gaps: &[GapRow], damaged: &[_]| {
            compare(&[truth(&[read])], &watched, gaps, damaged).missing.len()
        };
        let soon = [(junction(), UnixMs(300_000)), (junction(), UnixMs(400_000))];
        let late = [(junction(), UnixMs(200_000)), (junction(), UnixMs(400_000))];
        assert_eq!((untold(&soon, &[gap(402_000)]), untold(&late, &[gap(402_000)])), (0, 1));
        assert_eq!(untold(&soon, &[gap(302_000)]), 1, "the last one has nothing to go with");
        assert_eq!(missing(150_000, &[gap(402_000)], &soon), 0);
        assert_eq!(missing(100_000, &[gap(402_000)], &soon), 1);
        assert_eq!(missing(190_000, &[gap(402_000)], &late), 1);
    }

    #[test]
    fn who_was_not_read_for_long_may_have_come_again() {
        let again = compare(
            &[truth(&[1000, 11_000])],
            &rows(&[(5.0, &[1000]), (0.0, &[]), (5.0, &[1000])]),
            &[],
            &[],
        );
        assert_eq!((again.doubled.len(), again.stored), (0, 1));
    }
}
