//! The server's configuration, checked: defaults, then the TOML file, then the environment.

/// Everything that file and environment say.
#[derive(Clone, Debug, Default)]
pub struct Config {}
