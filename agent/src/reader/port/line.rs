//! A line to a reader: a serial port, or a connection to a reader in the network.

use crate::config::TCP;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::OFlags;
use rustix::io::Errno;
use serialport::{SerialPort as _, TTYPort};
use std::fmt::Debug;
use std::io::{self, ErrorKind, Write as _};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs as _};
use std::os::fd::{AsFd as _, AsRawFd as _, BorrowedFd};
use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

/// How long connecting to a host with all its addresses, and before it the look-up of its name, may take.
const CONNECT_WAIT: Duration = Duration::from_secs(3);
/// Longest wait until a serial port takes what is written, which fits into the kernel's buffer unless the port stands still: the other readers wait
/// meanwhile.
const WRITE_WAIT: Duration = Duration::from_millis(20);
/// A connection on which nothing comes is asked for a sign of life after so long, so often, and then given up.
const KEEP_IDLE: Duration = Duration::from_secs(10);
const KEEP_PAUSE: Duration = Duration::from_secs(5);
const KEEP_TRIES: u32 = 3;
/// A connection whose other end does not confirm what was written to it is given up after so long, milliseconds. Without this limit one to which
/// something is written now and then, to a reader that has lost its power, is asked for no sign of life and lasts for a quarter of an hour.
const UNCONFIRMED_MS: u32 = 25_000;
/// Addresses of one name that are tried.
const MOST_ADDRESSES: usize = 3;

/// Why a line cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Of a serial port.
    #[error("{0}")]
    Serial(#[from] serialport::Error),
    /// Of a connection.
    #[error("{0}")]
    Connection(#[from] io::Error),
    /// Nobody knows the host.
    #[error("the name {host} does not resolve: {cause}")]
    NoSuchHost {
        /// The name.
        host: String,
        /// What the system says.
        cause: io::Error,
    },
    /// Nobody says whether anybody knows it.
    #[error("no name server has said within {wait_s} s where {host} is", wait_s = CONNECT_WAIT.as_secs())]
    NoNameServer {
        /// The name.
        host: String,
    },
    /// A plain name, after its adapter has left the socket.
    #[error("its USB socket is empty")]
    SocketEmpty,
    /// A plain name that an adapter in another socket has now.
    #[error("its USB socket is empty, and an adapter in another one has this name now")]
    OtherSocket,
    /// A plain name that the adapter of another reader has now.
    #[error("the adapter of reader \"{reader}\" has this name now")]
    OtherReader {
        /// The other reader.
        reader: String,
    },
}

impl OpenError {
    /// What to do about it.
    pub fn way_out(&self) -> &'static str {
        match self {
            Self::Serial(error) => match error.kind {
                serialport::ErrorKind::NoDevice => "another program holds it; stop that",
                serialport::ErrorKind::Io(ErrorKind::PermissionDenied) => {
                    "check that the agent's user is in the group dialout"
                }
                _ => "check the cable, and that port names a serial device",
            },
            Self::Connection(error) if error.kind() == ErrorKind::ConnectionRefused => {
                "the host is there, but nothing listens at this number: correct it, or switch the reader's TCP server on"
            }
            Self::Connection(_) => "check the reader's power, network and address",
            Self::NoSuchHost { .. } => "correct the name in port, or give the address instead",
            Self::SocketEmpty => "plug its adapter in again, into the same socket",
            Self::OtherSocket => "plug its adapter in again; one in another socket is taken after a minute",
            Self::OtherReader { .. } => {
                "plug its own adapter in again, and take the ports from /dev/serial/by-path"
            }
            Self::NoNameServer { .. } => {
                "check this computer's network and name server, or give the address instead"
            }
        }
    }
}

/// What carries the bytes.
pub(super) trait Wire: Debug + Send {
    /// Where they come from: readable when some are there, or the end is.
    fn fd(&self) -> BorrowedFd<'_>;
    /// Changes the speed, where there is one.
    fn set_baud(&mut self, baud: u32) -> io::Result<()>;
    /// Takes the bytes that are there; none are the end.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize>;
    /// Waits [`WRITE_WAIT`] at most, a connection not at all.
    fn write(&mut self, bytes: &[u8]) -> io::Result<()>;
}

impl Wire for TTYPort {
    #[expect(unsafe_code, reason = "the port lends its descriptor only as a number")]
    fn fd(&self) -> BorrowedFd<'_> {
        // SAFETY: the port has the descriptor open for as long as it lives, and it is not lent for longer.
        unsafe { BorrowedFd::borrow_raw(self.as_raw_fd()) }
    }

    fn set_baud(&mut self, baud: u32) -> io::Result<()> {
        self.set_baud_rate(baud).map_err(Into::into)
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        rustix::io::read(self.fd(), buffer).map_err(Into::into)
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write_all(bytes)
    }
}

impl Wire for TcpStream {
    fn fd(&self) -> BorrowedFd<'_> {
        self.as_fd()
    }

    fn set_baud(&mut self, _baud: u32) -> io::Result<()> {
        Ok(())
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        io::Read::read(self, buffer)
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write_all(bytes)
    }
}

/// An open line.
#[derive(Debug)]
pub struct Line(Box<dyn Wire>);

impl Line {
    /// Opens a device file or, when `port` begins with `tcp://`, a connection, for this process alone. DTR and RTS stay as they are. A
    /// connection takes 6 s at most.
    ///
    /// # Errors
    /// When it is not there, taken, not allowed, or does not answer in time.
    pub fn open(port: &str, baud: u32) -> Result<Self, OpenError> {
        let Some(address) = port.strip_prefix(TCP) else {
            // 8 data bits, no parity, 1 stop bit, no flow control, exclusive: the builder's defaults.
            let port = serialport::new(port, baud).timeout(WRITE_WAIT).open_native()?;
            rustix::fs::fcntl_setfl(port.fd(), OFlags::NONBLOCK).map_err(io::Error::from)?;
            return Ok(Self::of(port));
        };
        let mut addresses = look_up(address)?;
        addresses.truncate(MOST_ADDRESSES);
        let wait = CONNECT_WAIT / addresses.len().max(1) as u32;
        let mut failure = io::Error::from(ErrorKind::AddrNotAvailable);
        for address in addresses {
            match TcpStream::connect_timeout(&address, wait).and_then(prepared) {
                Ok(stream) => return Ok(Self::of(stream)),
                Err(error) => failure = error,
            }
        }
        Err(failure.into())
    }

    /// Opens in a thread of its own, so that nobody waits for a host that does not answer; what nobody takes any more is closed.
    pub(super) fn opening(port: String, baud: u32) -> io::Result<mpsc::Receiver<Result<Self, OpenError>>> {
        let (sender, opened) = mpsc::sync_channel(1);
        std::thread::Builder::new().name("reader-connect".to_owned()).spawn(move || {
            let _ = sender.send(Self::open(&port, baud));
        })?;
        Ok(opened)
    }

    pub(super) fn of(wire: impl Wire + 'static) -> Self {
        Self(Box::new(wire))
    }

    /// Whether a device file that should be there is not.
    pub fn is_missing(port: &str) -> bool {
        !port.starts_with(TCP) && !Path::new(port).exists()
    }

    /// Changes the speed; a connection has none.
    ///
    /// # Errors
    /// When the device does not know it.
    pub fn set_baud(&mut self, baud: u32) -> io::Result<()> {
        self.0.set_baud(baud)
    }

    /// Where bytes come from: readable when some are there, or the end is.
    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.0.fd()
    }

    /// Waits for bytes, at most so long, and says whether there are any, or the end is.
    ///
    /// # Errors
    /// When the system cannot wait.
    pub fn wait(&self, wait: Duration) -> io::Result<bool> {
        let time = Timespec::try_from(wait).map_err(io::Error::other)?;
        match poll(&mut [PollFd::from_borrowed_fd(self.fd(), PollFlags::IN)], Some(&time)) {
            Err(Errno::INTR) => Ok(false),
            ready => Ok(ready? > 0),
        }
    }

    /// Takes the bytes that are there, and gives how many; 0 when there are none.
    ///
    /// # Errors
    /// When the line is gone.
    pub fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.0.read(buffer) {
            Ok(0) => Err(ErrorKind::UnexpectedEof.into()),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => Ok(0),
            other => other,
        }
    }

    /// Writes bytes; what the line does not take in time is lost, and the command is sent again when its answer is overdue.
    ///
    /// # Errors
    /// When the line is gone.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self.0.write(bytes) {
            Err(error) if matches!(error.kind(), ErrorKind::TimedOut | ErrorKind::WouldBlock) => Ok(()),
            other => other,
        }
    }
}

/// Addresses of a host. The system's look-up knows no time limit, so it gets a thread of its own, which is left alone when it takes too long.
fn look_up(asked: &str) -> Result<Vec<SocketAddr>, OpenError> {
    if let Ok(address) = asked.parse() {
        return Ok(vec![address]);
    }
    let (sender, found) = mpsc::sync_channel(1);
    let address = asked.to_owned();
    std::thread::Builder::new().name("reader-look-up".to_owned()).spawn(move || {
        let _ = sender.send(address.to_socket_addrs().map(Iterator::collect));
    })?;
    let host = asked.rsplit_once(':').map_or(asked, |(host, _)| host).to_owned();
    match found.recv_timeout(CONNECT_WAIT) {
        Ok(Ok(addresses)) => Ok(addresses),
        Ok(Err(cause)) => Err(OpenError::NoSuchHost { host, cause }),
        Err(_) => Err(OpenError::NoNameServer { host }),
    }
}

fn prepared(stream: TcpStream) -> io::Result<TcpStream> {
    use rustix::net::sockopt;
    stream.set_nodelay(true)?;
    // What a full connection does not take is lost: nobody reads at its other end.
    stream.set_nonblocking(true)?;
    sockopt::set_socket_keepalive(&stream, true)?;
    sockopt::set_tcp_keepidle(&stream, KEEP_IDLE)?;
    sockopt::set_tcp_keepintvl(&stream, KEEP_PAUSE)?;
    sockopt::set_tcp_keepcnt(&stream, KEEP_TRIES)?;
    sockopt::set_tcp_user_timeout(&stream, UNCONFIRMED_MS)?;
    Ok(stream)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::net::sockopt;
    use std::net::TcpListener;

    #[test]
    fn a_connection_that_is_dead_without_saying_so_is_noticed_whether_anything_is_written_or_not() {
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = prepared(TcpStream::connect(server.local_addr().unwrap()).unwrap()).unwrap();
        assert!(sockopt::socket_keepalive(&stream).unwrap());
        let idle = sockopt::tcp_keepidle(&stream).unwrap()
            + sockopt::tcp_keepintvl(&stream).unwrap() * sockopt::tcp_keepcnt(&stream).unwrap();
        assert_eq!(idle, Duration::from_secs(25));
        assert_eq!(sockopt::tcp_user_timeout(&stream).unwrap(), 25_000);
    }

    #[test]
    fn a_name_is_told_with_what_is_wrong_with_it() {
        let error = Line::open("tcp://no-such-reader.invalid:2022", 115_200).unwrap_err();
        assert!(error.to_string().contains("no-such-reader.invalid"), "{error}");
        assert!(error.way_out().contains("give the address instead"));
        let slow = OpenError::NoNameServer { host: "reader".into() };
        assert_eq!(slow.to_string(), "no name server has said within 3 s where reader is");
    }
}
