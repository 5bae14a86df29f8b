//! Pseudo-terminals: a serial port without a wire. The agent opens the one end as a device file; the reader holds the other.

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::io::Errno;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};
use std::ffi::OsStr;
use std::fs::OpenOptions;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{OpenOptionsExt, symlink};
use std::path::{Path, PathBuf};

/// A reader's end of a pseudo-terminal in raw mode. It never blocks.
#[derive(Debug)]
pub struct Pty {
    master: OwnedFd,
    link: PathBuf,
}

/// What became of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// All of them are on the line.
    Whole,
    /// There was no room for all of them; the rest is lost.
    Cut,
    /// Nobody has the other end open.
    NobodyListens,
}

impl Pty {
    /// Opens a pseudo-terminal and makes its device file known as the symbolic link `link`, replacing one that stands there.
    ///
    /// # Errors
    /// What the system says.
    pub fn open(link: &Path) -> io::Result<Self> {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
        grantpt(&master)?;
        unlockpt(&master)?;
        fcntl_setfl(&master, fcntl_getfl(&master)? | OFlags::NONBLOCK)?;
        let name = ptsname(&master, Vec::new())?;
        let device = Path::new(OsStr::from_bytes(name.as_bytes()));
        // Settings outlive this first opening, and closing it makes the master notice whether anybody else has it open.
        let slave = OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(OFlags::NOCTTY.bits() as i32)
            .open(device)?;
        let mut settings = tcgetattr(&slave)?;
        settings.make_raw();
        tcsetattr(&slave, OptionalActions::Now, &settings)?;
        match std::fs::remove_file(link) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        symlink(device, link)?;
        Ok(Self { master, link: link.to_path_buf() })
    }

    /// The symbolic link by which its device file is known.
    pub fn link(&self) -> &Path {
        &self.link
    }

    /// Whether somebody has the device file open.
    pub fn has_listener(&self) -> bool {
        let mut fds = [PollFd::new(&self.master, PollFlags::OUT)];
        poll(&mut fds, Some(&Timespec::default())).is_ok() && !fds[0].revents().contains(PollFlags::HUP)
    }

    /// Writes what fits.
    pub fn write(&self, bytes: &[u8]) -> Written {
        if !self.has_listener() {
            return Written::NobodyListens;
        }
        let mut rest = bytes;
        while !rest.is_empty() {
            match rustix::io::write(&self.master, rest) {
                Ok(0) => return Written::Cut,
                Ok(count) => rest = &rest[count..],
                Err(Errno::INTR) => {}
                Err(_) => return Written::Cut,
            }
        }
        Written::Whole
    }

    /// Commands to the reader that have come since the last call. Unread ones would block their sender.
    pub fn take_input(&self) -> Vec<u8> {
        let (mut input, mut buffer) = (Vec::new(), [0_u8; 256]);
        while let Ok(count @ 1..) = rustix::io::read(&self.master, &mut buffer) {
            input.extend_from_slice(&buffer[..count]);
        }
        input
    }
}

impl Drop for Pty {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.link);
    }
}
