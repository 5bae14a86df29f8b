//! The key that signs access tokens.

use anyhow::anyhow;
use ring::rand::{SecureRandom, SystemRandom};
use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;

const LEAST_BYTES: usize = 32;
const MOST_BYTES: usize = 4096;
const LEAST_DIFFERENT: usize = 10;
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
        assert!(SigningKey::new(b"q2Jd81nXv0LkzPw7RtYh3MsB5cUeGaFi9oTx\n").is_ok());
    }
}
