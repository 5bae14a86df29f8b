//! Places of the live feed, shared out among users: who has most of them makes room for who has fewer, so that nobody keeps others out.

use crate::api::addresses::{OneOf, PerAddress};
use flextraff_common::ids::UserId;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

/// Most clients that have not signed in yet, and most of them of one address.
const MOST_WAITING: usize = 1024;
const MOST_WAITING_OF_ADDRESS: usize = 256;

/// Where clients stand until they have signed in; cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Door {
    places: Arc<Semaphore>,
    addresses: PerAddress,
}

/// A client that has not signed in yet.
#[derive(Debug)]
pub(super) struct Waiting {
    _place: OwnedSemaphorePermit,
    _of_address: Option<OneOf<IpAddr>>,
}

impl Door {
    pub(super) fn new() -> Self {
        Self {
            places: Arc::new(Semaphore::new(MOST_WAITING)),
            addresses: PerAddress::new(MOST_WAITING_OF_ADDRESS),
        }
    }

    /// One more, as long as there is room for it and its address has not too many.
    pub(super) fn enter(&self, address: Option<IpAddr>) -> Option<Waiting> {
        let of_address = match address {
            Some(address) => Some(self.addresses.take(address)?),
            None => None,
        };
        let place = Arc::clone(&self.places).try_acquire_owned().ok()?;
        Some(Waiting { _place: place, _of_address: of_address })
    }
}

/// The places of those who have signed in; cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Seats {
    most: usize,
    taken: Arc<Mutex<Taken>>,
}

#[derive(Debug, Default)]
struct Taken {
    /// Of each user the clients in the order in which they came, each with what tells it to go.
    of_users: BTreeMap<UserId, Vec<(u64, oneshot::Sender<()>)>>,
    count: usize,
    next: u64,
}

/// A place of a user, until it is dropped.
#[derive(Debug)]
pub(super) struct Seat {
    seats: Seats,
    user: UserId,
    number: u64,
    wanted: oneshot::Receiver<()>,
}

impl Seats {
    pub(super) fn new(most: usize) -> Self {
        Self { most, taken: Arc::default() }
    }

    /// A place for one more client of a user. When all are taken the latest client of the user who has most goes, provided that this one still has
    /// no more than that user afterwards; `None`: it would.
    pub(super) fn take(&self, user: UserId) -> Option<Seat> {
        let mut taken = self.lock();
        if taken.count >= self.most {
            let own = taken.of_users.get(&user).map_or(0, Vec::len);
            let richest = taken.of_users.values_mut().max_by_key(|clients| clients.len())?;
            if richest.len() <= own + 1 {
                return None;
            }
            if let Some((_, go)) = richest.pop() {
                let _ = go.send(());
                taken.count -= 1;
            }
        }
        let (go, wanted) = oneshot::channel();
        let number = taken.next;
        taken.next += 1;
        taken.count += 1;
        taken.of_users.entry(user).or_default().push((number, go));
        Some(Seat { seats: self.clone(), user, number, wanted })
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seat {
    /// Done when somebody with fewer clients has taken the place.
    pub(super) async fn lost(&mut self) {
        let _ = (&mut self.wanted).await;
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.seats.lock();
        let Some(clients) = taken.of_users.get_mut(&self.user) else { return };
        // One that was told to go stands there no more.
        let Some(at) = clients.iter().position(|(number, _)| *number == self.number) else { return };
        clients.remove(at);
        let is_last = clients.is_empty();
        taken.count -= 1;
        if is_last {
            taken.of_users.remove(&self.user);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    const fn user(number: u128) -> UserId {
        UserId(Uuid::from_u128(number))
    }

    fn is_lost(seat: &mut Seat) -> bool {
        seat.wanted.try_recv().is_ok()
    }

    #[test]
    fn one_user_may_have_all_places_until_others_want_some() {
        let seats = Seats::new(4);
        let mut of_one: Vec<Seat> = (0..4).map(|_| seats.take(user(1)).unwrap()).collect();
        assert!(seats.take(user(1)).is_none(), "nobody makes room for his own");
        let mut of_two = vec![seats.take(user(2)).unwrap()];
        assert!(is_lost(&mut of_one[3]) && !is_lost(&mut of_one[2]), "the latest goes");
        of_two.push(seats.take(user(2)).unwrap());
        assert!(seats.take(user(2)).is_none() && seats.take(user(1)).is_none(), "each has a half");
        let third = seats.take(user(3)).unwrap();
        assert!(seats.take(user(3)).is_none());
        assert_eq!(seats.lock().count, 4);
        // Those that had to go give nothing back a second time.
        drop((of_one, of_two, third));
        let taken = seats.lock();
        assert_eq!((taken.count, taken.of_users.len()), (0, 0));
    }

    #[test]
    fn who_leaves_gives_the_place_back() {
        let seats = Seats::new(2);
        let (first, _second) = (seats.take(user(1)).unwrap(), seats.take(user(2)).unwrap());
        assert!(seats.take(user(3)).is_none(), "nobody has more than one");
        drop(first);
        let mut third = seats.take(user(3)).unwrap();
        assert!(!is_lost(&mut third));
    }

    #[test]
    fn one_address_leaves_room_at_the_door() {
        let door = Door::new();
        let from = |last: u8| Some(IpAddr::from([10, 0, 0, last]));
        let inside: Vec<Waiting> = std::iter::from_fn(|| door.enter(from(1))).collect();
        assert_eq!(inside.len(), MOST_WAITING_OF_ADDRESS);
        let others: Vec<Waiting> = (2..=250).filter_map(|last| door.enter(from(last))).collect();
        assert_eq!(others.len(), 249);
        drop(inside);
        assert!(door.enter(from(1)).is_some());
    }
}
