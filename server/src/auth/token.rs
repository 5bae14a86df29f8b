//! Access tokens: JSON Web Tokens (RFC 7519) signed with HMAC-SHA-256 and nothing else.

use super::hex;
use super::key::{SigningKey, random_bytes};
use flextraff_common::ids::UserId;
use flextraff_common::time::UnixMs;
use jsonwebtoken::crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{Error, ErrorKind};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use ring::{digest, hmac};
use serde::{Deserialize, Serialize};
use signature::{Signer, Verifier};
use std::time::Duration;

/// Longest token that is looked at, in bytes.
const MOST_BYTES: usize = 4096;

/// What an access token says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// The user.
    pub sub: UserId,
    /// Name of the user when the token was issued; for people who read logs.
    pub name: String,
    /// Seconds since 1970 at which it was issued.
    pub iat: i64,
    /// Seconds since 1970 from which it no longer holds.
    pub exp: i64,
    /// Random name of this token.
    pub jti: String,
}

/// Issues and verifies access tokens.
pub struct Tokens {
    encoding: EncodingKey,
    decoding: DecodingKey,
    header: Header,
    validation: Validation,
    lifetime_s: i64,
}

impl Tokens {
    /// Tokens under a key, each valid for a time from its issue.
    pub fn new(key: &SigningKey, lifetime: Duration) -> Self {
        // Another part of the process may have installed it already: it is the same one.
        let _ = RING.install_default();
        let kid = hex(&digest::digest(&digest::SHA256, key.as_bytes()).as_ref()[..4]);
        let mut validation = Validation::new(Algorithm::HS256);
        // Expiry is checked against the caller's clock.
        validation.validate_exp = false;
        validation.validate_aud = false;
        validation.leeway = 0;
        Self {
            encoding: EncodingKey::from_secret(key.as_bytes()),
            decoding: DecodingKey::from_secret(key.as_bytes()),
            header: Header { kid: Some(kid), ..Header::new(Algorithm::HS256) },
            validation,
            lifetime_s: i64::try_from(lifetime.as_secs()).unwrap_or(i64::MAX),
        }
    }

    /// Issues a token.
    ///
    /// # Errors
    /// When the system gives no randomness.
    pub fn issue(&self, user: UserId, name: &str, now: UnixMs) -> anyhow::Result<String> {
        let iat = now.0.div_euclid(1000);
        let claims = Claims {
            sub: user,
            name: name.to_owned(),
            iat,
            exp: iat.saturating_add(self.lifetime_s),
            jti: hex(&random_bytes::<16>()?),
        };
        Ok(jsonwebtoken::encode(&self.header, &claims, &self.encoding)?)
    }

    /// The claims of a token that was signed under this key and has not ended.
    pub fn verify(&self, token: &str, now: UnixMs) -> Option<Claims> {
        if token.len() > MOST_BYTES {
            return None;
        }
        let data = jsonwebtoken::decode::<Claims>(token, &self.decoding, &self.validation).ok()?;
        let same_key = data.header.kid.is_none() || data.header.kid == self.header.kid;
        (same_key && now.0 < data.claims.exp.saturating_mul(1000)).then_some(data.claims)
    }
}

/// `jsonwebtoken` over ring's HMAC; every other algorithm is refused before a key is touched.
static RING: CryptoProvider = CryptoProvider {
    signer_factory: |algorithm, key| Ok(Box::new(Hs256::new(*algorithm, key.as_bytes())?)),
    verifier_factory: |algorithm, key| Ok(Box::new(Hs256::new(*algorithm, key.try_get_as_bytes()?)?)),
    key_utils: KeyUtils::new_unimplemented(),
};

struct Hs256(hmac::Key);

impl Hs256 {
    fn new(algorithm: Algorithm, key: &[u8]) -> Result<Self, Error> {
        if algorithm != Algorithm::HS256 {
            return Err(ErrorKind::InvalidAlgorithm.into());
        }
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, key)))
    }
}

impl Signer<Vec<u8>> for Hs256 {
    fn try_sign(&self, message: &[u8]) -> Result<Vec<u8>, signature::Error> {
        Ok(hmac::sign(&self.0, message).as_ref().to_vec())
    }
}

impl Verifier<Vec<u8>> for Hs256 {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), signature::Error> {
        hmac::verify(&self.0, message, signature).map_err(|_| signature::Error::new())
    }
}

impl JwtSigner for Hs256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS256
    }
}

impl JwtVerifier for Hs256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS256
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    const NOW: UnixMs = UnixMs(1_770_000_000_000);

    fn tokens(key: &[u8]) -> Tokens {
        Tokens::new(&SigningKey::new(key).expect("the key is long enough"), Duration::from_mins(30))
    }

    fn ours() -> Tokens {
        tokens(b"q2Jd81nXv0LkzPw7RtYh3MsB5cUeGaFi9oTx")
    }

    #[test]
    fn a_token_holds_until_its_end_and_not_a_millisecond_longer() {
        let user = UserId(Uuid::from_u128(7));
        let token = ours().issue(user, "asha", NOW).unwrap();
        let claims = ours().verify(&token, NOW).unwrap();
        assert_eq!((claims.sub, claims.name.as_str(), claims.exp - claims.iat), (user, "asha", 1800));
        assert!(ours().verify(&token, NOW + 1_799_999).is_some());
        assert!(ours().verify(&token, NOW + 1_800_000).is_none());
        assert_ne!(token, ours().issue(user, "asha", NOW).unwrap(), "each token has its own jti");
    }

    #[test]
    fn the_header_names_algorithm_and_key() {
        let token = ours().issue(UserId(Uuid::nil()), "asha", NOW).unwrap();
        let header = jsonwebtoken::decode_header(&token).unwrap();
        assert_eq!((header.alg, header.kid.map(|kid| kid.len())), (Algorithm::HS256, Some(8)));
    }

    #[test]
    fn forged_tokens_are_refused() {
        let token = ours().issue(UserId(Uuid::nil()), "asha", NOW).unwrap();
        let (head, signature) = token.rsplit_once('.').unwrap();
        let claims = head.split_once('.').unwrap().1;
        // {"alg":"none","typ":"JWT"} and {"alg":"HS512","typ":"JWT"}
        let none = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0";
        let hs512 = "eyJhbGciOiJIUzUxMiIsInR5cCI6IkpXVCJ9";
        let foreign = tokens(b"another key that is long enough 0123456789");
        for forged in [
            format!("{none}.{claims}."),
            format!("{none}.{claims}.{signature}"),
            format!("{hs512}.{claims}.{signature}"),
            format!("{head}."),
            format!("{head}.{}", &signature[1..]),
            foreign.issue(UserId(Uuid::nil()), "asha", NOW).unwrap(),
            String::new(),
            "a.b.c".into(),
            "x".repeat(100_000),
        ] {
            assert!(ours().verify(&forged, NOW).is_none(), "{forged:.60}");
        }
    }
}
