//! Tokens with which devices enrol: random, and known to the database by their hash only.

use super::hex;
use super::key::random_bytes;
use super::second_factor::sha256;
use std::fmt;

/// Characters of a token.
const LENGTH: usize = 64;

/// A secret text of 256 random bits.
#[derive(Clone, PartialEq, Eq)]
pub struct EnrolmentToken(String);

impl EnrolmentToken {
    /// A new one.
    ///
    /// # Errors
    /// When the system gives no randomness.
    pub fn random() -> anyhow::Result<Self> {
        Ok(Self(hex(&random_bytes::<{ LENGTH / 2 }>()?)))
    }

    /// A token that somebody shows; `None`: the text is none.
    pub fn read(text: &str) -> Option<Self> {
        let text = text.trim();
        let right = text.len() == LENGTH && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        right.then(|| Self(text.to_ascii_lowercase()))
    }

    /// The token itself, to be shown once.
    pub fn text(&self) -> &str {
        &self.0
    }

    /// What the database knows of it.
    pub fn hash(&self) -> [u8; 32] {
        sha256(self.0.as_bytes())
    }
}

impl fmt::Debug for EnrolmentToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EnrolmentToken(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_as_people_type_it_and_is_not_shown() {
        let token = EnrolmentToken::random().unwrap();
        assert_ne!(token, EnrolmentToken::random().unwrap());
        assert_eq!(EnrolmentToken::read(&format!(" {}\n", token.text().to_uppercase())), Some(token.clone()));
        for wrong in ["", "0f", &"0g".repeat(32), &"0f".repeat(33)] {
            assert_eq!(EnrolmentToken::read(wrong), None, "{wrong}");
        }
        assert_eq!(format!("{token:?}"), "EnrolmentToken(hidden)");
    }
}
