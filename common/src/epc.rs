//! Electronic Product Codes as UHF tags carry them, and the structure of FASTag, India's toll tag.
//!
//! A FASTag holds a GS1 GIAI-96 (GS1 EPC Tag Data Standard 2.1, section 14.6.5) whose company prefix is that of the Indian Highways
//! Management Company and whose individual asset reference is cut into clearing house, issuer, key index and serial number.

mod fastag;
mod giai;
mod keyed;
mod pseudonym;

pub use fastag::{Fastag, FastagError};
pub use giai::{Giai96, GiaiError};
pub use keyed::{KeyedError, KeyedTag, TagKey};
pub use pseudonym::{KeyId, Pseudonym, PseudonymError};

use std::fmt;
use std::str::FromStr;

/// What names a vehicle: the EPC of its tag, 1 to 32 bytes, usually 12; or a pseudonym that stands for it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epc(Name);

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Name {
    Raw { bytes: [u8; Epc::MAX], len: u8 },
    Pseudonym(Pseudonym),
}

impl Epc {
    /// Most bytes that are kept of any tag; its hex then fits into the 64 characters of the wire format.
    pub const MAX: usize = 32;

    /// An EPC of 1 to [`Epc::MAX`] bytes; `None` for any other length.
    pub fn new(bytes: &[u8]) -> Option<Self> {
        if bytes.is_empty() || bytes.len() > Self::MAX {
            return None;
        }
        let mut all = [0; Self::MAX];
        all[..bytes.len()].copy_from_slice(bytes);
        Some(Self(Name::Raw { bytes: all, len: bytes.len() as u8 }))
    }

    /// Its bytes, first transmitted first; none where a pseudonym hides them.
    pub fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Name::Raw { bytes, len } => &bytes[..usize::from(*len)],
            Name::Pseudonym(_) => &[],
        }
    }

    /// The pseudonym, where it is one.
    pub const fn pseudonym(&self) -> Option<Pseudonym> {
        match self.0 {
            Name::Raw { .. } => None,
            Name::Pseudonym(pseudonym) => Some(pseudonym),
        }
    }

    /// Whether it has the structure of a FASTag; a pseudonym does not tell.
    pub fn is_fastag(&self) -> bool {
        Fastag::decode(self).is_ok()
    }
}

impl From<Pseudonym> for Epc {
    fn from(pseudonym: Pseudonym) -> Self {
        Self(Name::Pseudonym(pseudonym))
    }
}

/// Upper-case hex, two digits a byte; or `p:<key_id>:<32 hex>`.
impl fmt::Display for Epc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Name::Raw { .. } => self.as_bytes().iter().try_for_each(|byte| write!(f, "{byte:02X}")),
            Name::Pseudonym(pseudonym) => pseudonym.fmt(f),
        }
    }
}

impl fmt::Debug for Epc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Epc({self})")
    }
}

/// A text that is no EPC.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "\"{text}\" is no EPC; write 2 to 64 hex digits, an even number of them, or a pseudonym p:<key_id>:<32 hex digits>"
)]
pub struct EpcError {
    text: String,
}

impl FromStr for Epc {
    type Err = EpcError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || EpcError { text: text.chars().take(80).collect() };
        if Pseudonym::is_marked(text) {
            return text.parse::<Pseudonym>().map(Self::from).map_err(|_| error());
        }
        if !text.len().is_multiple_of(2) || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(error());
        }
        let digits: Vec<u8> = text.bytes().map(hex_value).collect();
        let bytes: Vec<u8> = digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect();
        Self::new(&bytes).ok_or_else(error)
    }
}

const fn hex_value(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        b'a'..=b'f' => digit - b'a' + 10,
        b'A'..=b'F' => digit - b'A' + 10,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn hex_reads_back_in_upper_case() {
        let epc: Epc = "34161fa8203e7cb202000020".parse().unwrap();
        assert_eq!(epc.to_string(), "34161FA8203E7CB202000020");
        assert_eq!(epc.as_bytes().len(), 12);
    }

    #[test]
    fn what_is_no_hex_is_refused() {
        for text in ["", "3", "34161", "EPC123456", "é0", &"00".repeat(33)] {
            assert!(text.parse::<Epc>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_read_back(bytes in prop::collection::vec(any::<u8>(), 1..=Epc::MAX)) {
            let epc = Epc::new(&bytes).unwrap();
            prop_assert_eq!(epc.to_string().parse::<Epc>().unwrap(), epc);
        }
    }
}
