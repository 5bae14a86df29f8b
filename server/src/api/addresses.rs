//! What one address of clients, or one user, may have at a time, so that the rest is left to others.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Who counts as one: an IPv4 address, or an IPv6 network of 64 bits, which is one customer.
pub(crate) fn customer(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        v4 @ IpAddr::V4(_) => v4,
        IpAddr::V6(v6) => IpAddr::V6((v6.to_bits() & !u128::from(u64::MAX)).into()),
    }
}

/// The same as the database writes it.
pub(crate) fn network(address: IpAddr) -> String {
    match customer(address) {
        IpAddr::V4(v4) => v4.to_string(),
        IpAddr::V6(v6) => format!("{v6}/64"),
    }
}

/// So many for each; cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct PerEach<K: Ord + Copy> {
    most: usize,
    taken: Arc<Mutex<BTreeMap<K, usize>>>,
}

/// So many for each address.
pub(crate) type PerAddress = PerEach<IpAddr>;

/// One of whoever has taken it, until it is dropped.
#[derive(Debug)]
pub(crate) struct OneOf<K: Ord + Copy> {
    of: PerEach<K>,
    key: K,
}

impl<K: Ord + Copy> PerEach<K> {
    /// At least one for each.
    pub(crate) fn new(most: usize) -> Self {
        Self { most: most.max(1), taken: Arc::default() }
    }

    /// One more; `None` when there are as many as may be.
    pub(crate) fn take_one(&self, key: K) -> Option<OneOf<K>> {
        let mut taken = self.lock();
        let count = taken.entry(key).or_default();
        if *count >= self.most {
            return None;
        }
        *count += 1;
        Some(OneOf { of: self.clone(), key })
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<K, usize>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl PerAddress {
    /// One more for an address; `None` when it has as many as it may.
    pub(crate) fn take(&self, address: IpAddr) -> Option<OneOf<IpAddr>> {
        self.take_one(customer(address))
    }
}

impl<K: Ord + Copy> Drop for OneOf<K> {
    fn drop(&mut self) {
        let mut taken = self.of.lock();
        if let Some(count) = taken.get_mut(&self.key) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_address_has_so_many_and_gives_them_back() {
        let places = PerAddress::new(2);
        let take = |address: &str| places.take(address.parse().unwrap());
        let (first, _second) = (take("10.0.0.9"), take("::ffff:10.0.0.9"));
        assert!(first.is_some() && take("10.0.0.9").is_none() && take("10.0.0.8").is_some());
        drop(first);
        assert!(take("10.0.0.9").is_some());
        let _networks = (take("2001:db8::1"), take("2001:db8::2"));
        assert!(take("2001:db8::3").is_none() && take("2001:db8:0:1::3").is_some());
        assert_eq!(places.lock().len(), 2, "who has none is forgotten");
        assert!(PerAddress::new(0).take("10.0.0.9".parse().unwrap()).is_some());
    }
}
