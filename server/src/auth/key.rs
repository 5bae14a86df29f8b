//! The key that signs access tokens.

use anyhow::anyhow;
use ring::rand::{SecureRandom, SystemRandom};
use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;
use zxcvbn::zxcvbn;

const LEAST_BYTES: usize = 32;
const MOST_BYTES: usize = 4096;
const LEAST_DIFFERENT: usize = 10;
/// Guesses that whoever tries a key must need, as a power of ten, by how people choose passwords (Wheeler 2016, "zxcvbn"), which counts to 19.2.
const LEAST_GUESSES_LOG10: f64 = 19.0;
/// Characters by which that is estimated.
const LOOKED_AT: usize = 100;
/// Texts that guides print where a key belongs.
const EXAMPLES: [&str; 4] = ["your-secret-key", "change-this", "changeme", "secret-key-here"];

/// A key of at least 32 bytes that is no example and no run of few characters.
#[derive(Clone)]
pub struct SigningKey(Vec<u8>);

/// Why a text is no signing key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Too few bytes for HMAC-SHA-256 (RFC 7518, 3.2).
    #[error("the key has {0} bytes; it needs at least {LEAST_BYTES} random ones")]
    Short(usize),
    /// More than a key can be: probably the wrong file.
    #[error("the key has {0} bytes; a key has at most {MOST_BYTES}")]
    Long(usize),
    /// Few different bytes: typed, not drawn.
    #[error("the key repeats few characters; draw it at random (head -c 48 /dev/urandom | base64)")]
    Monotonous,
    /// Made of words, sequences or repetitions: whoever guesses it is everybody's user.
    #[error("the key can be guessed; draw it at random (head -c 48 /dev/urandom | base64)")]
    Guessable,
    /// Printed in a guide.
    #[error("the key is an example from a guide; draw your own (head -c 48 /dev/urandom | base64)")]
    Example,
}

impl SigningKey {
    /// Checks a key; white space around it does not count.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn new(bytes: &[u8]) -> Result<Self, KeyError> {
        let key = bytes.trim_ascii();
        if key.len() < LEAST_BYTES {
            return Err(KeyError::Short(key.len()));
        }
        if key.len() > MOST_BYTES {
            return Err(KeyError::Long(key.len()));
        }
        let text = String::from_utf8_lossy(key).to_lowercase();
        if EXAMPLES.iter().any(|example| text.contains(example)) {
            return Err(KeyError::Example);
        }
        if key.iter().collect::<BTreeSet<_>>().len() < LEAST_DIFFERENT {
            return Err(KeyError::Monotonous);
        }
        // What is no text was not made up by a person.
        let typed =
            std::str::from_utf8(key).ok().map(|text| text.chars().take(LOOKED_AT).collect::<String>());
        if typed.is_some_and(|text| zxcvbn(&text, &[]).guesses_log10() < LEAST_GUESSES_LOG10) {
            return Err(KeyError::Guessable);
        }
        Ok(Self(key.to_vec()))
    }

    /// Reads a key file.
    ///
    /// # Errors
    /// When the file cannot be read or holds no usable key.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        Ok(Self::new(&std::fs::read(path)?)?)
    }

    /// A new key.
    ///
    /// # Errors
    /// When the system gives no randomness.
    pub fn random() -> anyhow::Result<Self> {
        Ok(Self(random_bytes::<48>()?.to_vec()))
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(hidden)")
    }
}

pub(crate) fn random_bytes<const N: usize>() -> anyhow::Result<[u8; N]> {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).map_err(|_| anyhow!("the system gives no randomness"))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weak_keys_are_refused_by_name() {
        assert_eq!(SigningKey::new(b" short \n").unwrap_err(), KeyError::Short(5));
        assert_eq!(SigningKey::new(&[b'a'; 64]).unwrap_err(), KeyError::Monotonous);
        assert_eq!(
            SigningKey::new(b"your-secret-key-here-change-this-in-production").unwrap_err(),
            KeyError::Example
        );
        assert_eq!(SigningKey::new(&[7; 5000]).unwrap_err(), KeyError::Long(5000));
        for guessed in [
            "0123456789abcdef0123456789abcdef",
            "abcdefghijklmnopqrstuvwxyz012345",
            "passwordpasswordpassword12345678",
            "flextraff flextraff flextraff server",
            "qwertyuiopasdfghjklzxcvbnm123456",
        ] {
            assert_eq!(SigningKey::new(guessed.as_bytes()).unwrap_err(), KeyError::Guessable, "{guessed}");
        }
        for drawn in ["9f86d081884c7d659a2feaa0c55ad015", "a3bf4f1b2b0b822cd15d6c15b0f00a08f2d1"] {
            assert!(SigningKey::new(drawn.as_bytes()).is_ok(), "{drawn}");
        }
        for _ in 0..1000 {
            let binary = random_bytes::<32>().unwrap();
            assert!(binary.trim_ascii().len() < 32 || SigningKey::new(&binary).is_ok(), "{binary:?}");
            assert!(SigningKey::new(SigningKey::random().unwrap().as_bytes()).is_ok());
        }
        assert!(SigningKey::new(b"q2Jd81nXv0LkzPw7RtYh3MsB5cUeGaFi9oTx\n").is_ok());
    }
}
