//! Refresh tokens: random, known to the database by their hash only, and carried in a cookie that no script of a page can read.

use super::hex;
use super::key::random_bytes;
use super::second_factor::sha256;
use std::fmt;

/// Name of the cookie.
const COOKIE: &str = "flextraff_refresh";
/// The paths with which browsers send it.
const PATH: &str = "/api/users";
/// Characters of a token.
const LENGTH: usize = 64;

/// A refresh token of 256 random bits.
#[derive(Clone, PartialEq, Eq)]
pub struct RefreshToken(String);

impl RefreshToken {
    /// A new one.
    ///
    /// # Errors
    /// When the system gives no randomness.
    pub fn random() -> anyhow::Result<Self> {
        Ok(Self(hex(&random_bytes::<{ LENGTH / 2 }>()?)))
    }

    /// The token in the values of `Cookie` headers (RFC 6265, 5.4).
    pub fn in_cookies<'a>(headers: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        let mut pairs = headers.into_iter().flat_map(|header| header.split(';'));
        let (_, value) =
            pairs.find_map(|pair| pair.trim().split_once('=').filter(|(name, _)| *name == COOKIE))?;
        let right = value.len() == LENGTH && value.bytes().all(|byte| byte.is_ascii_hexdigit());
        right.then(|| Self(value.to_owned()))
    }

    /// What the database knows of it.
    pub fn hash(&self) -> [u8; 32] {
        sha256(self.0.as_bytes())
    }

    /// The token that follows this one, so that only who has this one can read it: XOR with a hash of this one (a one-time pad, as both have
    /// 256 random bits and a token is followed once).
    pub fn seal(&self, next: &Self) -> [u8; LENGTH / 2] {
        let mut sealed = self.pad();
        for (byte, digits) in sealed.iter_mut().zip(next.0.as_bytes().chunks_exact(2)) {
            *byte ^= digits.iter().fold(0, |value, digit| value << 4 | nibble(*digit));
        }
        sealed
    }

    /// The token that was sealed with this one.
    #[must_use]
    pub fn open(&self, sealed: &[u8; LENGTH / 2]) -> Self {
        let mut bytes = self.pad();
        for (byte, other) in bytes.iter_mut().zip(sealed) {
            *byte ^= other;
        }
        Self(hex(&bytes))
    }

    fn pad(&self) -> [u8; LENGTH / 2] {
        sha256(format!("successor of {}", self.0).as_bytes())
    }

    /// The value of a `Set-Cookie` header; `secure`: only over an encrypted connection.
    pub fn cookie(&self, max_age_s: u64, secure: bool) -> String {
        cookie(&self.0, max_age_s, secure)
    }
}

/// The value of a `Set-Cookie` header that takes the token out of the browser.
pub fn no_cookie(secure: bool) -> String {
    cookie("", 0, secure)
}

/// The value of a hexadecimal digit.
const fn nibble(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        _ => (digit | 0x20) - b'a' + 10,
    }
}

fn cookie(value: &str, max_age_s: u64, secure: bool) -> String {
    let secure = if secure { "; Secure" } else { "" };
    format!("{COOKIE}={value}; Path={PATH}; Max-Age={max_age_s}; HttpOnly; SameSite=Strict{secure}")
}

impl fmt::Debug for RefreshToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RefreshToken(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_comes_back_from_its_cookie() {
        let token = RefreshToken::random().unwrap();
        assert_ne!(token, RefreshToken::random().unwrap());
        let cookie = token.cookie(60, true);
        let (pair, attributes) = cookie.split_once("; ").unwrap();
        assert_eq!(attributes, "Path=/api/users; Max-Age=60; HttpOnly; SameSite=Strict; Secure");
        let found = |headers: &[&str]| RefreshToken::in_cookies(headers.iter().copied());
        assert_eq!(found(&[&format!("theme=dark; {pair}")]), Some(token.clone()));
        assert_eq!(found(&["theme=dark", pair]), Some(token));
        for wrong in
            ["", "flextraff_refresh", "flextraff_refresh=", "flextraff_refresh=00", "xflextraff_refresh=1"]
        {
            assert_eq!(found(&[wrong]), None, "{wrong}");
        }
    }

    #[test]
    fn a_token_opens_what_was_sealed_with_it_and_nothing_else() {
        let [token, next, other] = [(); 3].map(|()| RefreshToken::random().unwrap());
        let sealed = token.seal(&next);
        assert_eq!(token.open(&sealed), next);
        assert_ne!(other.open(&sealed), next);
        assert_ne!(sealed, token.hash());
    }

    #[test]
    fn a_token_is_not_shown() {
        let token = RefreshToken::random().unwrap();
        assert_eq!(format!("{token:?}"), "RefreshToken(hidden)");
    }
}
