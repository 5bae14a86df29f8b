//! How late the lamps are written: a histogram that one thread fills and others read, without a lock.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Buckets for each doubling, so that a bucket is at most a quarter wider than its lower end.
const PER_DOUBLING: u32 = 4;
/// Doublings: the last bucket holds everything from about half an hour on.
const DOUBLINGS: u32 = 30;
const BUCKETS: usize = (DOUBLINGS * PER_DOUBLING) as usize;

/// Times in microseconds, by size.
#[derive(Debug)]
pub struct Lateness {
    buckets: [AtomicU64; BUCKETS],
    max_us: AtomicU64,
}

impl Default for Lateness {
    fn default() -> Self {
        Self { buckets: std::array::from_fn(|_| AtomicU64::new(0)), max_us: AtomicU64::new(0) }
    }
}

impl Lateness {
    /// Adds a time, microseconds.
    pub fn record(&self, late_us: u64) {
        self.buckets[bucket(late_us)].fetch_add(1, Relaxed);
        self.max_us.fetch_max(late_us, Relaxed);
    }

    /// The time that a share of all times does not exceed, microseconds: the upper end of its bucket, at most a quarter too much. None
    /// before the first.
    pub fn quantile_us(&self, share: f64) -> Option<u64> {
        let counts: Vec<u64> = self.buckets.iter().map(|count| count.load(Relaxed)).collect();
        let total: u64 = counts.iter().sum();
        let rank = ((total as f64 * share).ceil() as u64).clamp(1, total.max(1));
        let mut below = 0;
        let at = counts.iter().position(|count| {
            below += count;
            below >= rank
        })?;
        (total > 0).then(|| upper_us(at).min(self.max_us()))
    }

    /// The greatest, microseconds.
    pub fn max_us(&self) -> u64 {
        self.max_us.load(Relaxed)
    }
}

/// Up to 3 µs each has a bucket of its own, then four share a doubling.
fn bucket(us: u64) -> usize {
    let us = us.max(1);
    let doubling = us.ilog2();
    let quarter = if doubling >= 2 { us >> (doubling - 2) & 0b11 } else { us << (2 - doubling) & 0b11 };
    ((doubling * PER_DOUBLING) as usize + quarter as usize).min(BUCKETS - 1)
}

/// The greatest time of a bucket.
fn upper_us(bucket: usize) -> u64 {
    let (doubling, quarter) = (bucket as u32 / PER_DOUBLING, u64::from(bucket as u32 % PER_DOUBLING));
    let (lower, width) = (1_u64 << doubling, (1_u64 << doubling) as f64 / f64::from(PER_DOUBLING));
    lower + ((quarter + 1) as f64 * width).ceil() as u64 - 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn quantiles_are_a_quarter_too_great_at_most() {
        let late = Lateness::default();
        assert_eq!((late.quantile_us(0.5), late.max_us()), (None, 0));
        for us in 1..=1000 {
            late.record(us);
        }
        late.record(50_000);
        assert!((500..=625).contains(&late.quantile_us(0.5).unwrap()));
        assert!((990..=1250).contains(&late.quantile_us(0.99).unwrap()));
        assert_eq!((late.quantile_us(1.0), late.max_us()), (Some(50_000), 50_000));
    }

    proptest! {
        #[test]
        fn every_time_lies_in_its_bucket(us: u64) {
            let at = bucket(us);
            prop_assert!(at == BUCKETS - 1 || us <= upper_us(at));
            prop_assert!(at == 0 || us > upper_us(at - 1) || us == 0, "{us} {at}");
        }
    }
}
