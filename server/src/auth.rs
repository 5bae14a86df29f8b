//! Who may do what: the signing key, access tokens, passwords, and the brakes on guessing and on too many requests.

mod enrolment;
mod key;
mod password;
mod rate;
mod refresh;
pub mod second_factor;
mod throttle;
mod token;

pub use enrolment::EnrolmentToken;
pub(crate) use key::random_bytes;
pub use key::{KeyError, SigningKey};
pub use password::{MAX_PASSWORD_BYTES, MIN_PASSWORD_CHARS, Overloaded, Passwords, weakness};
pub use rate::{Rate, Sender};
pub use refresh::{RefreshToken, no_cookie};
pub use throttle::{Attempt, Guess, Throttle};
pub use token::{Claims, Tokens};

use crate::config::Config;
use anyhow::{Context, ensure};
use flextraff_common::ids::UserId;
use flextraff_common::time::UnixMs;
use ring::hmac;
use std::fmt;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use uuid::Uuid;

/// What the sign-in endpoints and every authenticated request need; one per process, shared.
pub struct Auth {
    tokens: Tokens,
    passwords: Passwords,
    throttle: Mutex<Throttle>,
    /// This run of this server, among others on the same database.
    run: [u8; 8],
    rate: Mutex<Rate>,
    setup: SetupToken,
}

impl Auth {
    /// Reads the signing key, or makes one for this run when there is no file and only this machine can reach the server.
    ///
    /// # Errors
    /// When the key file cannot be read or holds no usable key, or is missing on a server that others can reach.
    pub fn open(config: &Config) -> anyhow::Result<Self> {
        let key = if let Some(path) = &config.auth.secret_key_file {
            SigningKey::read(path).with_context(|| format!("auth.secret_key_file {}", path.display()))?
        } else {
            ensure!(
                config.http.is_loopback(),
                "auth.secret_key_file is not set, and the server is reachable from other machines: \
                 write at least 32 random bytes to a file (head -c 48 /dev/urandom | base64) and name it there"
            );
            tracing::warn!(
                "auth.secret_key_file is not set: tokens are signed with a key of this run and end with it"
            );
            SigningKey::random()?
        };
        let previous = config
            .auth
            .previous_key_files
            .iter()
            .map(|path| {
                SigningKey::read(path).with_context(|| format!("auth.previous_key_files: {}", path.display()))
            })
            .collect::<anyhow::Result<Vec<_>>>()?;
        let lifetime = Duration::from_mins(config.auth.access_token_minutes.into());
        Ok(Self {
            tokens: Tokens::new(&key, &previous, lifetime),
            passwords: Passwords::new()?,
            throttle: Mutex::new(Throttle::default()),
            run: random_bytes()?,
            rate: Mutex::new(Rate::new(config.http.requests_per_minute)),
            setup: SetupToken::random()?,
        })
    }

    /// Issues an access token of a session.
    ///
    /// # Errors
    /// When the system gives no randomness.
    pub fn issue(&self, user: UserId, session: Uuid, name: &str, now: UnixMs) -> anyhow::Result<String> {
        self.tokens.issue(user, session, name, now)
    }

    /// The claims of a token that this server signed and that has not ended.
    pub fn verify(&self, token: &str, now: UnixMs) -> Option<Claims> {
        self.tokens.verify(token, now)
    }

    /// The pool that hashes passwords.
    pub const fn passwords(&self) -> &Passwords {
        &self.passwords
    }

    /// The secret that lets a person create the first user of a server that others can reach.
    pub fn setup_token(&self) -> &str {
        &self.setup.text
    }

    /// Whether a presented text is the set-up token; takes the same time for every text of one length.
    pub fn is_setup_token(&self, presented: &str) -> bool {
        hmac::verify(&self.setup.key, presented.as_bytes(), self.setup.tag.as_ref()).is_ok()
    }

    /// Counts an attempt to sign in; call [`Self::signed_in`] when it succeeds.
    pub fn attempt(&self, name: &str, address: Option<IpAddr>, now: Instant) -> Attempt {
        self.throttle.lock().unwrap_or_else(PoisonError::into_inner).attempt(name, address, now)
    }

    /// Something wrong that was shown here, to be told to other servers.
    pub fn guess(&self, name: &str, address: Option<IpAddr>) -> Guess {
        Guess::new(self.run, name, address)
    }

    /// Counts what another server tells of; what this one has told is counted already.
    pub fn heard(&self, guess: &Guess, now: Instant) {
        if guess.server != self.run {
            self.throttle.lock().unwrap_or_else(PoisonError::into_inner).heard(guess, now);
        }
    }

    /// Counts a request.
    ///
    /// # Errors
    /// Seconds to wait when there were too many.
    pub fn admit(&self, sender: Sender, now: Instant) -> Result<(), u32> {
        self.rate.lock().unwrap_or_else(PoisonError::into_inner).admit(sender, now)
    }

    /// Whether one more request may come, without counting it.
    ///
    /// # Errors
    /// Seconds to wait when there were too many.
    pub fn may_send(&self, sender: Sender, now: Instant) -> Result<(), u32> {
        self.rate.lock().unwrap_or_else(PoisonError::into_inner).check(sender, now)
    }

    /// Forgets the attempts of a name from an address.
    pub fn signed_in(&self, name: &str, address: Option<IpAddr>) {
        self.throttle.lock().unwrap_or_else(PoisonError::into_inner).succeeded(name, address);
    }
}

impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Auth").finish_non_exhaustive()
    }
}

struct SetupToken {
    text: String,
    key: hmac::Key,
    tag: hmac::Tag,
}

impl SetupToken {
    fn random() -> anyhow::Result<Self> {
        let text = hex(&key::random_bytes::<16>()?);
        let key = hmac::Key::new(hmac::HMAC_SHA256, &key::random_bytes::<32>()?);
        let tag = hmac::sign(&key, text.as_bytes());
        Ok(Self { text, key, tag })
    }
}

/// Bytes as lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |value: u8| char::from(DIGITS[usize::from(value & 15)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(*byte)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_others_reach_needs_a_key_file() {
        let mut config = Config::default();
        config.http.bind = ([0, 0, 0, 0], 8000).into();
        let error = Auth::open(&config).unwrap_err().to_string();
        assert!(error.contains("auth.secret_key_file is not set"), "{error}");
    }

    #[test]
    fn servers_whose_key_files_are_swapped_take_each_others_tokens_and_no_others() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, format!("{name} q2Jd81nXv0LkzPw7RtYh3MsB5cUeGaFi9oTx\n")).unwrap();
            path
        };
        let open = |key: &str, previous: &[&str]| {
            let mut config = Config::default();
            config.auth.secret_key_file = Some(file(key));
            config.auth.previous_key_files = previous.iter().map(|name| file(name)).collect();
            Auth::open(&config).unwrap()
        };
        let now = UnixMs(1_770_000_000_000);
        let issue = |auth: &Auth| auth.issue(UserId(Uuid::nil()), Uuid::nil(), "asha", now).unwrap();
        let (old, new) = (open("one", &[]), open("two", &["one"]));
        let (swapped, foreign) = (open("one", &["two", "four"]), open("three", &[]));
        assert!(new.verify(&issue(&old), now).is_some(), "what the old key has signed holds on");
        assert!(old.verify(&issue(&new), now).is_none(), "a server that does not know the new key");
        assert!(swapped.verify(&issue(&new), now).is_some());
        assert!(swapped.verify(&issue(&open("four", &[])), now).is_some(), "each of the files counts");
        for auth in [&old, &new, &swapped] {
            assert!(auth.verify(&issue(&foreign), now).is_none(), "a key that is in no file");
        }
        let mut config = Config::default();
        config.auth.previous_key_files = vec![folder.path().join("none")];
        let error = format!("{:#}", Auth::open(&config).unwrap_err());
        assert!(error.contains("auth.previous_key_files") && error.contains("none"), "{error}");
    }

    #[test]
    fn only_the_set_up_token_itself_opens() {
        let auth = Auth::open(&Config::default()).unwrap();
        assert!(auth.is_setup_token(auth.setup_token()));
        assert!(!auth.is_setup_token("") && !auth.is_setup_token(&auth.setup_token()[1..]));
    }
}
