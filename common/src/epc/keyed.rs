//! Tags under a key: who has the key can recognise a tag, nobody can read it back.

use super::Epc;
use ring::hmac;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;
use std::str::FromStr;

/// A key of 256 bits for tags; never shown.
#[derive(Clone)]
pub struct TagKey {
    bytes: [u8; 32],
    key: hmac::Key,
}

/// A tag under a key: the first 128 bits of HMAC-SHA-256 (RFC 2104) over the bytes of its EPC; 32 hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyedTag([u8; 16]);

/// A text that is no key, or no keyed tag.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected {digits} hex digits, found {found} characters or something else than hex")]
pub struct KeyedError {
    digits: usize,
    found: usize,
}

impl TagKey {
    /// The key of these bytes.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self { bytes, key: hmac::Key::new(hmac::HMAC_SHA256, &bytes) }
    }

    /// A tag under this key.
    pub fn tag(&self, epc: &Epc) -> KeyedTag {
        let mut tag = [0; 16];
        tag.copy_from_slice(&hmac::sign(&self.key, epc.as_bytes()).as_ref()[..16]);
        KeyedTag(tag)
    }
}

fn from_hex<const N: usize>(text: &str) -> Result<[u8; N], KeyedError> {
    let error = || KeyedError { digits: 2 * N, found: text.chars().count() };
    let epc: Epc = text.parse().map_err(|_| error())?;
    epc.as_bytes().try_into().map_err(|_| error())
}

fn to_hex(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}

impl FromStr for TagKey {
    type Err = KeyedError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        from_hex(text).map(Self::new)
    }
}

impl FromStr for KeyedTag {
    type Err = KeyedError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        from_hex(text).map(Self)
    }
}

impl fmt::Display for KeyedTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        to_hex(&self.0, f)
    }
}

impl fmt::Debug for KeyedTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyedTag({self})")
    }
}

impl fmt::Debug for TagKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TagKey(…)")
    }
}

impl PartialEq for TagKey {
    fn eq(&self, other: &Self) -> bool {
        // In constant time, because it compares secrets.
        let differing = self.bytes.iter().zip(&other.bytes).fold(0, |sum, (a, b)| sum | (a ^ b));
        differing == 0
    }
}

impl Serialize for TagKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        struct Hex<'a>(&'a [u8]);
        impl fmt::Display for Hex<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                to_hex(self.0, f)
            }
        }
        serializer.collect_str(&Hex(&self.bytes))
    }
}

impl Serialize for KeyedTag {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for TagKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

impl<'de> Deserialize<'de> for KeyedTag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_the_published_hmac_cut_to_128_bits() {
        // RFC 4231, test case 2: its key is shorter than a block, and zeros at its end do not change the HMAC.
        let mut key = [0; 32];
        key[..4].copy_from_slice(b"Jefe");
        let epc = Epc::new(b"what do ya want for nothing?").expect("28 bytes");
        assert_eq!(TagKey::new(key).tag(&epc).to_string(), "5bdcc146bf60754e6a042426089575c7");
    }

    #[test]
    fn what_is_no_key_is_refused_and_a_key_is_never_shown() {
        let key: TagKey = "0f".repeat(32).parse().expect("64 hex digits");
        assert_eq!(serde_json::to_string(&key).expect("JSON"), format!("\"{}\"", "0f".repeat(32)));
        assert_eq!(format!("{key:?}"), "TagKey(…)");
        for text in ["", "0f", &"0f".repeat(31), &"0g".repeat(32), &"0f".repeat(33)] {
            let error = text.parse::<TagKey>().expect_err("no key").to_string();
            assert!(!error.contains("0f"), "{error}");
        }
    }
}
