//! Passwords: what is strong enough, and hashing with Argon2id on a bounded pool of threads.

use anyhow::{Context, anyhow};
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use std::fmt;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use zxcvbn::{Score, zxcvbn};

/// Fewest characters of a password.
pub const MIN_PASSWORD_CHARS: usize = 12;
/// Most bytes of a password.
pub const MAX_PASSWORD_BYTES: usize = 1024;

/// Memory in KiB, passes and lanes of Argon2id, as the OWASP Password Storage Cheat Sheet recommends.
const COST: (u32, u32, u32) = (19_456, 2, 1);
/// Requests that may wait for each processor.
const QUEUE_PER_PROCESSOR: usize = 16;

/// Why a password is not strong enough, as a sentence; `None` when it is. `about` is what an attacker knows of its owner.
pub fn weakness(password: &str, about: &[&str]) -> Option<String> {
    if password.chars().count() < MIN_PASSWORD_CHARS {
        return Some(format!("A password has at least {MIN_PASSWORD_CHARS} characters"));
    }
    if password.len() > MAX_PASSWORD_BYTES {
        return Some(format!("A password has at most {MAX_PASSWORD_BYTES} bytes"));
    }
    let estimate = zxcvbn(password, about);
    if estimate.score() >= Score::Two {
        return None;
    }
    let advice = estimate
        .feedback()
        .and_then(|feedback| feedback.suggestions().first().map(ToString::to_string))
        .unwrap_or_else(|| "Take several uncommon words".into());
    Some(format!("This password is easy to guess. {advice}"))
}

/// All hashing threads are busy and the queue before them is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many people are signing in at this moment")]
pub struct Overloaded;

/// Hashes and verifies passwords, so many at a time that a processor is left for everything else, with a bounded queue.
pub struct Passwords {
    workers: Arc<Semaphore>,
    places: Arc<Semaphore>,
    dummy: Arc<str>,
}

impl Passwords {
    /// A pool as wide as the machine has processors, less one: ingest and other requests go on while everybody signs in.
    ///
    /// # Errors
    /// When the system gives no randomness.
    pub fn new() -> anyhow::Result<Self> {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        Self::with_size(workers_of(processors), processors * QUEUE_PER_PROCESSOR)
    }

    fn with_size(workers: usize, queue: usize) -> anyhow::Result<Self> {
        Ok(Self {
            workers: Arc::new(Semaphore::new(workers)),
            places: Arc::new(Semaphore::new(workers + queue)),
            dummy: hash("a password that nobody has")?.into(),
        })
    }

    /// The PHC string to store for a password.
    ///
    /// # Errors
    /// [`Overloaded`] inside the error when the queue is full.
    pub async fn hash(&self, password: String) -> anyhow::Result<String> {
        self.run(move || hash(&password)).await?
    }

    /// Whether a stored PHC string was made with less than is asked for today, so that it is to be made anew.
    pub fn is_outdated(stored: &str) -> bool {
        let (memory, passes, lanes) = COST;
        let Ok(phc) = PasswordHash::new(stored) else { return false };
        let params = Params::try_from(&phc);
        phc.algorithm != Algorithm::Argon2id.ident()
            || params.map_or(true, |params| {
                (params.m_cost(), params.t_cost(), params.p_cost()) != (memory, passes, lanes)
            })
    }

    /// Whether a password is the one of a stored PHC string. Without one it works as long and says no, so that the time
    /// does not tell which names exist.
    ///
    /// # Errors
    /// [`Overloaded`] inside the error when the queue is full.
    pub async fn verify(&self, password: String, stored: Option<String>) -> anyhow::Result<bool> {
        let known = stored.is_some();
        let phc = stored.map_or_else(|| Arc::clone(&self.dummy), Arc::from);
        let matches = self.run(move || verify(&password, &phc)).await??;
        Ok(matches && known)
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> anyhow::Result<T> {
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| Overloaded)?;
        let worker = Arc::clone(&self.workers).acquire_owned().await.context("the pool is closed")?;
        // The permits travel with the work: it runs to its end even when the client has gone.
        let permits: [OwnedSemaphorePermit; 2] = [place, worker];
        tokio::task::spawn_blocking(move || {
            let result = work();
            drop(permits);
            result
        })
        .await
        .context("hashing a password")
    }
}

impl fmt::Debug for Passwords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Passwords")
            .field("workers", &self.workers.available_permits())
            .finish_non_exhaustive()
    }
}

const fn workers_of(processors: usize) -> usize {
    if processors > 2 { processors - 1 } else { 1 }
}

fn argon2() -> anyhow::Result<Argon2<'static>> {
    let (memory, passes, lanes) = COST;
    let params = Params::new(memory, passes, lanes, None).map_err(|error| anyhow!("Argon2: {error}"))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

fn hash(password: &str) -> anyhow::Result<String> {
    let phc = argon2()?.hash_password(password.as_bytes()).map_err(|error| anyhow!("Argon2: {error}"))?;
    Ok(phc.to_string())
}

fn verify(password: &str, stored: &str) -> anyhow::Result<bool> {
    let phc = PasswordHash::new(stored).map_err(|error| anyhow!("a stored password hash: {error}"))?;
    Ok(argon2()?.verify_password(password.as_bytes(), &phc).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strength_is_judged_with_a_reason() {
        for (password, about, part) in [
            ("short", vec![], Some("at least 12 characters")),
            ("passwordpassword", vec![], Some("easy to guess")),
            ("flextraff-admin", vec!["flextraff-admin"], Some("easy to guess")),
            ("aaaaaaaaaaaaaaaaaaaa", vec![], Some("easy to guess")),
            ("securepassword123", vec!["admin", "admin@flextraff.com", "System Admin"], None),
            ("नमस्ते दुनिया यातायात", vec![], None),
        ] {
            let found = weakness(password, &about);
            match part {
                Some(part) => {
                    assert!(
                        found.as_deref().is_some_and(|text| text.contains(part)),
                        "{password}: {found:?}"
                    );
                }
                None => assert_eq!(found, None, "{password}"),
            }
        }
        assert!(weakness(&"x9Kq".repeat(300), &[]).is_some_and(|text| text.contains("at most 1024 bytes")));
    }

    #[test]
    fn a_processor_is_left_to_others_where_there_is_more_than_one() {
        assert_eq!([1, 2, 3, 8].map(workers_of), [1, 1, 2, 7]);
    }

    #[tokio::test]
    async fn hashes_verify_over_their_whole_length() {
        let pool = Passwords::with_size(1, 4).unwrap();
        let long = "p".repeat(100);
        let stored = pool.hash(long.clone()).await.unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
        assert!(pool.verify(long.clone(), Some(stored.clone())).await.unwrap());
        assert!(!pool.verify(format!("{}x", &long[..99]), Some(stored)).await.unwrap());
    }

    #[tokio::test]
    async fn an_unknown_name_costs_the_same_hash_and_is_refused() {
        let pool = Passwords::with_size(1, 4).unwrap();
        assert!(pool.dummy.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert!(!pool.verify("a password that nobody has".into(), None).await.unwrap());
        // It waits for a thread that hashes, as every other does; to answer without one would tell.
        let _busy = Arc::clone(&pool.places).try_acquire_many_owned(5).unwrap();
        let error = pool.verify("a password".into(), None).await.unwrap_err();
        assert!(error.is::<Overloaded>());
    }

    #[tokio::test]
    async fn a_full_queue_refuses_at_once() {
        let pool = Passwords::with_size(1, 1).unwrap();
        let _busy = Arc::clone(&pool.places).try_acquire_many_owned(2).unwrap();
        let error = pool.hash("x".into()).await.unwrap_err();
        assert!(error.is::<Overloaded>());
    }
}
