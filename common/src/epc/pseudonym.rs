//! Pseudonyms: what names a vehicle where its EPC must not be seen.

use super::{Epc, KeyedTag, TagKey};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;
use std::str::FromStr;

/// How a pseudonym begins in text, where an EPC has its first hex digit.
const MARK: &str = "p:";

/// Name of a pseudonym key: 1 to [`KeyId::MAX`] characters of `A-Z a-z 0-9 . _ -`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId {
    bytes: [u8; Self::MAX],
    len: u8,
}

/// An EPC under a key of some period, `p:<key_id>:<32 hex>`: two of them are equal when tag and key are.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pseudonym {
    /// The key.
    pub key: KeyId,
    /// The tag under it.
    pub tag: KeyedTag,
}

/// A text that is no key's name, or no pseudonym.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PseudonymError {
    /// A key's name.
    #[error("\"{0}\" is no name of a key; it has 1 to {max} characters of A-Z a-z 0-9 . _ -", max = KeyId::MAX)]
    KeyId(String),
    /// The whole.
    #[error("\"{0}\" is no pseudonym; it is p:<key_id>:<32 hex digits>")]
    Pseudonym(String),
}

impl KeyId {
    /// Longest name: a pseudonym then has the 64 characters that the wire format allows.
    pub const MAX: usize = 29;

    /// Its text.
    pub fn as_str(&self) -> &str {
        str::from_utf8(&self.bytes[..usize::from(self.len)]).unwrap_or_default()
    }
}

impl FromStr for KeyId {
    type Err = PseudonymError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        if text.is_empty() || text.len() > Self::MAX || !text.bytes().all(is_plain) {
            return Err(PseudonymError::KeyId(text.chars().take(80).collect()));
        }
        let mut id = Self { bytes: [0; Self::MAX], len: text.len() as u8 };
        id.bytes[..text.len()].copy_from_slice(text.as_bytes());
        Ok(id)
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({self})")
    }
}

impl Serialize for KeyId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for KeyId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

impl Pseudonym {
    /// The pseudonym of an EPC under a key; `None` when it is a pseudonym already, which hides its EPC.
    pub fn of(epc: &Epc, id: KeyId, key: &TagKey) -> Option<Self> {
        epc.pseudonym().is_none().then(|| Self { key: id, tag: key.tag(epc) })
    }

    pub(super) fn is_marked(text: &str) -> bool {
        text.starts_with(MARK)
    }
}

impl FromStr for Pseudonym {
    type Err = PseudonymError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || PseudonymError::Pseudonym(text.chars().take(80).collect());
        let (key, tag) = text.strip_prefix(MARK).and_then(|rest| rest.split_once(':')).ok_or_else(error)?;
        Ok(Self { key: key.parse().map_err(|_| error())?, tag: tag.parse().map_err(|_| error())? })
    }
}

impl fmt::Display for Pseudonym {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{MARK}{}:{}", self.key, self.tag)
    }
}

impl fmt::Debug for Pseudonym {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pseudonym({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw() -> Epc {
        "34161FA8203E7CB202000020".parse().expect("an EPC")
    }

    #[test]
    fn a_pseudonym_reads_back_is_no_fastag_and_hides_the_epc() {
        let key = TagKey::new([7; 32]);
        let id: KeyId = "2026-W05".parse().unwrap();
        let name = Epc::from(Pseudonym::of(&raw(), id, &key).unwrap());
        let text = name.to_string();
        assert!(text.starts_with("p:2026-W05:") && text.len() == 43, "{text}");
        assert_eq!(text.parse::<Epc>().unwrap(), name);
        assert!(!name.is_fastag() && name.as_bytes().is_empty());
        assert!(Pseudonym::of(&name, id, &key).is_none(), "nobody can name it anew");
        assert!(!format!("{name:?}").contains("34161FA8"));
        let other: KeyId = "2026-W06".parse().unwrap();
        assert_ne!(Epc::from(Pseudonym::of(&raw(), other, &key).unwrap()), name);
    }

    #[test]
    fn the_longest_fits_the_wire_and_anything_else_is_refused() {
        let id: KeyId = "k".repeat(KeyId::MAX).parse().unwrap();
        let name = Pseudonym::of(&raw(), id, &TagKey::new([1; 32])).unwrap();
        assert_eq!(name.to_string().len(), 64);
        for id in ["", "a b", "a:b", "é", &"k".repeat(30)] {
            assert!(id.parse::<KeyId>().is_err(), "{id}");
            let text = format!("p:{id}:{}", "0f".repeat(16));
            assert!(text.parse::<Epc>().is_err(), "{text}");
        }
        for text in ["p:", "p:k", "p:k:", "p:k:0f", "P:k:00112233445566778899aabbccddeeff"] {
            assert!(text.parse::<Epc>().is_err(), "{text}");
        }
    }
}
