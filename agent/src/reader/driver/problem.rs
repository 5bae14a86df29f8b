//! What is wrong with a reader, in words.

/// Why a reader is not as the configuration wants it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// It answers to nothing.
    #[error("answers no command; check protocol, baud and the line from this computer to the reader")]
    Mute,
    /// It does not answer one command.
    #[error("does not answer to \"{0}\"")]
    Silent(&'static str),
    /// It refuses one command.
    #[error("refuses \"{what}\" (code {code:#04x}); set it with the vendor's tool, or leave the key out")]
    Refused {
        /// The setting.
        what: &'static str,
        /// The reader's code.
        code: u16,
    },
    /// This program knows no command for it.
    #[error("cannot be told \"{0}\" by this program; set it with the vendor's tool, or leave the key out")]
    Unknown(&'static str),
    /// It says that an antenna is missing.
    #[error("finds no antenna at port {0}; check the antenna and its cable")]
    NoAntenna(u8),
    /// It says that it has no antenna, and nothing says at which port.
    #[error("finds no antenna on its port; check the antenna and its cable")]
    NoAntennaAnywhere,
    /// It complains.
    #[error("{0}")]
    Trouble(&'static str),
}

impl Problem {
    /// Whether it is about an antenna that is missing.
    pub(super) const fn is_of_antenna(&self) -> bool {
        matches!(self, Self::NoAntenna(_) | Self::NoAntennaAnywhere)
    }
}
