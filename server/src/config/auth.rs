//! `[auth]`: sign-in.

use super::Key;
use std::path::PathBuf;

/// Sign-in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Auth {
    /// File with the key that signs access tokens; absent: a random key for this run, on loopback only.
    pub secret_key_file: Option<PathBuf>,
    /// Files with keys that signed before: their tokens hold until their end.
    pub previous_key_files: Vec<PathBuf>,
    /// How long an access token is good, minutes.
    pub access_token_minutes: u32,
    /// How long a session goes on without being used, days.
    pub session_days: u32,
    /// Whether the first user may register without a token; absent: on loopback only.
    pub allow_first_user: Option<bool>,
}

impl Default for Auth {
    fn default() -> Self {
        Self {
            secret_key_file: None,
            previous_key_files: Vec::new(),
            access_token_minutes: 30,
            session_days: 7,
            allow_first_user: None,
        }
    }
}

pub(super) const KEYS: &[Key] = &[
    Key {
        section: "auth",
        name: "secret_key_file",
        set: |config, given| given.path().map(|path| config.auth.secret_key_file = path),
        show: |config| config.auth.secret_key_file.as_ref().map(|path| path.display().to_string().into()),
    },
    Key {
        section: "auth",
        name: "previous_key_files",
        set: |config, given| given.list("a path").map(|files| config.auth.previous_key_files = files),
        show: |config| {
            let files = &config.auth.previous_key_files;
            Some(files.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().into())
        },
    },
    Key {
        section: "auth",
        name: "access_token_minutes",
        set: |config, given| given.integer(1, 1440).map(|minutes| config.auth.access_token_minutes = minutes),
        show: |config| Some(i64::from(config.auth.access_token_minutes).into()),
    },
    Key {
        section: "auth",
        name: "session_days",
        set: |config, given| given.integer(1, 365).map(|days| config.auth.session_days = days),
        show: |config| Some(i64::from(config.auth.session_days).into()),
    },
    Key {
        section: "auth",
        name: "allow_first_user",
        set: |config, given| given.boolean().map(|allow| config.auth.allow_first_user = Some(allow)),
        show: |config| config.auth.allow_first_user.map(Into::into),
    },
];
