//! The brake on guessing passwords: attempts are counted by name and address, by address, and by name; pure and bounded.
//!
//! Each server counts its own attempts, and the wrong ones of the others, of which they tell: who goes from one to the next has no more than at one.

use super::hex;
use crate::api::addresses::customer;
use ring::digest::{SHA256, digest};
use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::time::{Duration, Instant};

/// How long attempts count.
const WINDOW: Duration = Duration::from_mins(5);
/// Attempts within the window for one name from one address.
const PER_NAME: u32 = 10;
/// Attempts within the window for all names from one address.
const PER_ADDRESS: u32 = 100;
/// Attempts within the window for one name from all addresses together. Whoever has signed in from an address before is not held up by it, so
/// that nobody can lock another person out.
const PER_NAME_EVERYWHERE: u32 = 50;
/// Entries that are kept; beyond that those go that have counted least.
const CAPACITY: usize = 10_000;

/// Whether an attempt may go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attempt {
    /// It may.
    Allowed,
    /// Too many came for this name from all over the world; it may when somebody has signed in with the name from this address before.
    OnlyFromKnownAddress {
        /// Seconds until the next may come from elsewhere.
        retry_after_s: u32,
    },
    /// Too many came before.
    Refused {
        /// Seconds until the next may come.
        retry_after_s: u32,
    },
}

/// Whose attempts are counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Source {
    NameFrom(NameHash, Option<IpAddr>),
    Address(Option<IpAddr>),
    Name(NameHash),
}

impl Source {
    /// How many attempts it has within the window.
    const fn most(self) -> u32 {
        match self {
            Self::NameFrom(..) => PER_NAME,
            Self::Address(_) => PER_ADDRESS,
            Self::Name(_) => PER_NAME_EVERYWHERE,
        }
    }
}

/// A name in any letters; what was given as a name may be a password in the wrong field, so nobody keeps or tells it.
type NameHash = [u8; 16];

/// Something wrong that was shown at a server, as it tells the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Guess {
    /// The run of the server at which it was.
    pub server: [u8; 8],
    name: NameHash,
    address: Option<IpAddr>,
}

impl Guess {
    /// A wrong password or code for a name from an address.
    pub fn new(server: [u8; 8], name: &str, address: Option<IpAddr>) -> Self {
        Self { server, name: hash(name), address: address.map(customer) }
    }

    const fn sources(&self) -> [Source; SOURCES] {
        let Self { name, address, .. } = *self;
        [Source::NameFrom(name, address), Source::Address(address), Source::Name(name)]
    }
}

impl fmt::Display for Guess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", hex(&self.server), hex(&self.name))?;
        self.address.map_or(Ok(()), |address| write!(f, " {address}"))
    }
}

/// A text that no server has told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoGuess;

impl FromStr for Guess {
    type Err = NoGuess;

    fn from_str(text: &str) -> Result<Self, NoGuess> {
        let mut parts = text.split(' ');
        let (server, name) = (parts.next().and_then(bytes), parts.next().and_then(bytes));
        let address = parts.next().map(str::parse).transpose().map_err(|_| NoGuess)?;
        Ok(Self { server: server.ok_or(NoGuess)?, name: name.ok_or(NoGuess)?, address })
    }
}

fn bytes<const N: usize>(hex: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    if hex.len() != 2 * N || !hex.is_ascii() {
        return None;
    }
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).ok()?;
    }
    Some(bytes)
}

/// By how many an attempt is counted.
const SOURCES: usize = 3;

#[derive(Clone, Copy, Debug)]
struct Window {
    since: Instant,
    attempts: u32,
}

impl Window {
    /// How long it still counts.
    fn left(&self, now: Instant) -> Duration {
        WINDOW.saturating_sub(now.saturating_duration_since(self.since))
    }
}

/// Counts attempts to sign in. Every attempt counts from its start, so that many at once do not slip through.
#[derive(Clone, Debug, Default)]
pub struct Throttle {
    windows: BTreeMap<Source, Window>,
}

impl Throttle {
    /// Says whether an attempt may go on, and counts it unless it is refused: what is refused must not fill the table with names.
    pub fn attempt(&mut self, name: &str, address: Option<IpAddr>, now: Instant) -> Attempt {
        let [by_both, by_address, by_name] = Guess::new([0; 8], name, address).sources();
        for source in [by_both, by_address] {
            if let Some(wait) = self.wait(source, now) {
                return Attempt::Refused { retry_after_s: whole_seconds(wait) };
            }
        }
        self.make_room(now);
        // With no room for another counter a stranger would guess uncounted; whoever is known here may still sign in.
        let wait = self.wait(by_name, now).or_else(|| self.is_full().then_some(WINDOW));
        self.count(by_both, now);
        self.count(by_address, now);
        if let Some(wait) = wait {
            return Attempt::OnlyFromKnownAddress { retry_after_s: whole_seconds(wait) };
        }
        self.count(by_name, now);
        Attempt::Allowed
    }

    /// How long a source has to wait for its next attempt; `None`: it need not.
    fn wait(&self, source: Source, now: Instant) -> Option<Duration> {
        let window = self.windows.get(&source).filter(|window| window.attempts >= source.most())?;
        Some(window.left(now)).filter(|left| !left.is_zero())
    }

    /// Counts one more, where there is room.
    fn count(&mut self, source: Source, now: Instant) {
        if self.windows.len() >= CAPACITY && !self.windows.contains_key(&source) {
            return;
        }
        let fresh = Window { since: now, attempts: 0 };
        let window = self.windows.entry(source).or_insert(fresh);
        if window.left(now).is_zero() {
            *window = fresh;
        }
        window.attempts = window.attempts.saturating_add(1);
    }

    /// Counts what was wrong at another server.
    pub fn heard(&mut self, guess: &Guess, now: Instant) {
        self.make_room(now);
        for source in guess.sources() {
            self.count(source, now);
        }
    }

    /// Forgets the attempts of a name from an address, because the last one was right.
    pub fn succeeded(&mut self, name: &str, address: Option<IpAddr>) {
        let [by_both, by_address, by_name] = Guess::new([0; 8], name, address).sources();
        let counted = self.windows.remove(&by_both).map_or(0, |window| window.attempts);
        for source in [by_address, by_name] {
            if let Some(window) = self.windows.get_mut(&source) {
                window.attempts = window.attempts.saturating_sub(counted);
            }
        }
    }

    fn is_full(&self) -> bool {
        self.windows.len() + SOURCES > CAPACITY
    }

    /// Of those that may go on, the half with the fewest attempts goes. Nobody wipes out what was counted of one name by trying many others once, and
    /// who has used up his attempts stays as long as that counts.
    fn make_room(&mut self, now: Instant) {
        if !self.is_full() {
            return;
        }
        self.windows.retain(|_, window| !window.left(now).is_zero());
        if !self.is_full() {
            return;
        }
        let may_go = |source: &Source, window: &Window| window.attempts < source.most();
        let windows = self.windows.iter().filter(|(source, window)| may_go(source, window));
        let mut attempts: Vec<u32> = windows.map(|(_, window)| window.attempts).collect();
        attempts.sort_unstable();
        if let Some(median) = attempts.get(attempts.len() / 2) {
            self.windows.retain(|source, window| !may_go(source, window) || window.attempts > *median);
        }
    }
}

fn whole_seconds(wait: Duration) -> u32 {
    u32::try_from(wait.as_secs() + 1).unwrap_or(u32::MAX)
}

fn hash(name: &str) -> NameHash {
    let name = name.chars().take(64).collect::<String>().to_lowercase();
    let whole = digest(&SHA256, name.as_bytes());
    std::array::from_fn(|at| whole.as_ref()[at])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;

    const HOME: Option<IpAddr> = Some(IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1)));
    const AWAY: Option<IpAddr> = Some(IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 2)));

    fn tries(
        throttle: &mut Throttle,
        name: &str,
        address: Option<IpAddr>,
        now: Instant,
        count: usize,
    ) -> usize {
        (0..count).filter(|_| throttle.attempt(name, address, now) == Attempt::Allowed).count()
    }

    #[test]
    fn ten_wrong_passwords_stop_that_name_from_that_address_only() {
        let start = Clock.instant();
        let mut throttle = Throttle::default();
        assert_eq!(tries(&mut throttle, "asha", HOME, start, 20), 10);
        assert_eq!(
            tries(&mut throttle, "ASHA", HOME, start + Duration::from_millis(1), 1),
            0,
            "case does not make another name"
        );
        assert_eq!(
            tries(&mut throttle, "asha", AWAY, start + Duration::from_millis(1), 1),
            1,
            "nobody locks another person out"
        );
        assert_eq!(tries(&mut throttle, "ravi", HOME, start + Duration::from_millis(1), 1), 1);
        assert_eq!(
            throttle.attempt("asha", HOME, start + Duration::from_secs(299)),
            Attempt::Refused { retry_after_s: 2 }
        );
        assert_eq!(throttle.attempt("asha", HOME, start + WINDOW), Attempt::Allowed);
    }

    #[test]
    fn a_right_password_clears_the_count() {
        let start = Clock.instant();
        let mut throttle = Throttle::default();
        for _ in 0..50 {
            assert_eq!(tries(&mut throttle, "asha", HOME, start, 9), 9);
            throttle.succeeded("asha", HOME);
        }
    }

    #[test]
    fn many_names_from_one_address_are_one_guesser() {
        let start = Clock.instant();
        let mut throttle = Throttle::default();
        let allowed = (0..500)
            .filter(|i| throttle.attempt(&format!("user{i}"), HOME, start) == Attempt::Allowed)
            .count();
        assert_eq!(allowed, 100);
    }

    #[test]
    fn a_name_that_is_tried_from_everywhere_is_left_to_known_addresses() {
        let start = Clock.instant();
        let mut throttle = Throttle::default();
        let from = |number: u32| Some(IpAddr::V4(number.into()));
        let allowed =
            (0..200).filter(|i| throttle.attempt("asha", from(*i), start) == Attempt::Allowed).count();
        assert_eq!(allowed, 50);
        let known = throttle.attempt("asha", HOME, start);
        assert_eq!(known, Attempt::OnlyFromKnownAddress { retry_after_s: 301 });
        assert_eq!(throttle.attempt("ravi", HOME, start), Attempt::Allowed);
        assert_eq!(throttle.attempt("asha", from(7), start + WINDOW), Attempt::Allowed);
    }

    #[test]
    fn what_is_wrong_at_other_servers_counts_here() {
        let start = Clock.instant();
        let mut throttle = Throttle::default();
        let told = Guess::new([7; 8], "Asha", HOME);
        assert_eq!(told.to_string().parse(), Ok(told));
        assert!(!told.to_string().to_lowercase().contains("asha"));
        for _ in 0..7 {
            throttle.heard(&told, start);
        }
        assert_eq!(tries(&mut throttle, "asha", HOME, start, 20), 3);
        assert_eq!(tries(&mut throttle, "asha", AWAY, start, 1), 1);
        let nowhere = Guess::new([7; 8], "asha", None);
        assert_eq!(nowhere.to_string().parse(), Ok(nowhere));
        for broken in
            ["", "07 12", "0707070707070707 zz", "é707070707070707 00000000000000000000000000000000"]
        {
            assert_eq!(broken.parse::<Guess>(), Err(NoGuess), "{broken}");
        }
        for address in 0..30_000_u32 {
            throttle.heard(&Guess::new([7; 8], "asha", Some(IpAddr::V4(address.into()))), start);
            assert!(throttle.windows.len() <= CAPACITY);
        }
    }

    #[test]
    fn the_table_stays_bounded() {
        let start = Clock.instant();
        let mut throttle = Throttle::default();
        for i in 0..30_000_u32 {
            let address = Some(IpAddr::V4(i.into()));
            throttle.attempt("asha", address, start + Duration::from_millis(i.into()));
            assert!(throttle.windows.len() <= CAPACITY);
        }
        let mut at_once = Throttle::default();
        for i in 0..30_000_u32 {
            at_once.attempt("asha", Some(IpAddr::V4(i.into())), start);
            assert!(at_once.windows.len() <= CAPACITY);
        }
    }

    #[test]
    fn who_tries_many_other_names_is_still_held_to_what_he_has_tried_before() {
        let start = Clock.instant();
        let (mut throttle, later) = (Throttle::default(), start + Duration::from_secs(1));
        assert_eq!(tries(&mut throttle, "asha", HOME, start, 10), 10);
        assert_eq!(tries(&mut throttle, "ravi", HOME, start, 7), 7);
        // First from there, then from a network of as many customers as there are.
        for i in 0..20_000 {
            throttle.attempt(&format!("user{i}"), HOME, later);
        }
        assert!(throttle.windows.len() < 300, "what is refused is not kept: {}", throttle.windows.len());
        for i in 0..20_000_u32 {
            let address = format!("2001:db8:0:{i:x}::1").parse().ok();
            assert_eq!(throttle.attempt(&format!("user{i}"), address, later), Attempt::Allowed);
            assert!(throttle.windows.len() <= CAPACITY);
        }
        assert_eq!(throttle.attempt("asha", HOME, later), Attempt::Refused { retry_after_s: 300 });
        throttle.windows.remove(&Source::Address(HOME));
        assert_eq!(
            tries(&mut throttle, "ravi", HOME, later, 20),
            3,
            "nor is one forgotten who is nearly there"
        );
    }

    #[test]
    fn with_no_room_for_another_count_only_known_addresses_go_on() {
        let start = Clock.instant();
        let mut throttle = Throttle::default();
        let at_its_limit = Window { since: start, attempts: PER_ADDRESS };
        for i in 0..u32::try_from(CAPACITY).unwrap() {
            throttle.windows.insert(Source::Address(Some(IpAddr::V4(i.into()))), at_its_limit);
        }
        let stranger = throttle.attempt("asha", HOME, start);
        assert_eq!(stranger, Attempt::OnlyFromKnownAddress { retry_after_s: 301 });
        throttle.heard(&Guess::new([7; 8], "asha", HOME), start);
        assert_eq!(throttle.windows.len(), CAPACITY);
        let refused = throttle.attempt("asha", Some(IpAddr::V4(7.into())), start);
        assert_eq!(refused, Attempt::Refused { retry_after_s: 301 });
        assert_eq!(throttle.attempt("asha", HOME, start + WINDOW), Attempt::Allowed);
    }

    #[test]
    fn addresses_of_one_ipv6_network_are_one_source() {
        let start = Clock.instant();
        let mut throttle = Throttle::default();
        let allowed = (0..20)
            .filter(|i| {
                let address = format!("2001:db8::{i:x}").parse().ok();
                throttle.attempt("asha", address, start) == Attempt::Allowed
            })
            .count();
        assert_eq!(allowed, 10);
    }
}
