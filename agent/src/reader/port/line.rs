//! A line to a reader: a serial port, or a connection to a reader in the network.

use crate::config::TCP;
use serialport::SerialPort;
use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs as _};
use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

/// How long a connection, and before it the look-up of a name, may take.
const CONNECT_WAIT: Duration = Duration::from_secs(3);
/// Longest wait until written bytes are taken.
const WRITE_WAIT: Duration = Duration::from_millis(200);
/// A connection on which nothing comes is asked for a sign of life after so long, so often, and then given up.
const KEEP_IDLE: Duration = Duration::from_secs(10);
const KEEP_PAUSE: Duration = Duration::from_secs(5);
const KEEP_TRIES: u32 = 3;

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
    #[error("the name of the host was not found within {} s", CONNECT_WAIT.as_secs())]
    NoSuchHost,
}

/// An open line.
#[derive(Debug)]
pub enum Line {
    /// A serial port.
    Serial(Box<dyn SerialPort>),
    /// A connection.
    Tcp(TcpStream),
}

impl Line {
    /// Opens a device file or, when `port` begins with `tcp://`, a connection, for this process alone. DTR and RTS stay as they are.
    ///
    /// # Errors
    /// When it is not there, taken, not allowed, or does not answer in time.
    pub fn open(port: &str, baud: u32) -> Result<Self, OpenError> {
        let Some(address) = port.strip_prefix(TCP) else {
            // 8 data bits, no parity, 1 stop bit, no flow control, exclusive: the builder's defaults.
            return Ok(Self::Serial(serialport::new(port, baud).timeout(WRITE_WAIT).open()?));
        };
        let mut failure = OpenError::NoSuchHost;
        for address in look_up(address)? {
            match TcpStream::connect_timeout(&address, CONNECT_WAIT).and_then(prepared) {
                Ok(stream) => return Ok(Self::Tcp(stream)),
                Err(error) => failure = error.into(),
            }
        }
        Err(failure)
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
        match self {
            Self::Serial(port) => port.set_baud_rate(baud).map_err(Into::into),
            Self::Tcp(_) => Ok(()),
        }
    }

    /// Waits for bytes, at most so long, and gives how many came.
    ///
    /// # Errors
    /// [`io::ErrorKind::TimedOut`] when none came; else the line is gone.
    pub fn read(&mut self, buffer: &mut [u8], wait: Duration) -> io::Result<usize> {
        let got = match self {
            Self::Serial(port) => {
                port.set_timeout(wait)?;
                port.read(buffer)
            }
            Self::Tcp(stream) => {
                stream.set_read_timeout(Some(wait))?;
                stream.read(buffer)
            }
        };
        match got {
            Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Err(io::ErrorKind::TimedOut.into()),
            other => other,
        }
    }

    /// Writes bytes; what the line does not take in time is lost, and the command is sent again when its answer is overdue.
    ///
    /// # Errors
    /// When the line is gone.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let written = match self {
            Self::Serial(port) => {
                port.set_timeout(WRITE_WAIT)?;
                port.write_all(bytes)
            }
            Self::Tcp(stream) => stream.write_all(bytes),
        };
        match written {
            Err(error) if matches!(error.kind(), io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock) => {
                Ok(())
            }
            other => other,
        }
    }
}

/// Addresses of a host. The system's look-up knows no time limit, so it gets a thread of its own, which is left alone when it takes too long.
fn look_up(address: &str) -> Result<Vec<SocketAddr>, OpenError> {
    if let Ok(address) = address.parse() {
        return Ok(vec![address]);
    }
    let (sender, found) = mpsc::sync_channel(1);
    let address = address.to_owned();
    std::thread::Builder::new().name("reader-look-up".to_owned()).spawn(move || {
        let _ = sender.send(address.to_socket_addrs().map(Iterator::collect));
    })?;
    Ok(found.recv_timeout(CONNECT_WAIT).map_err(|_| OpenError::NoSuchHost)??)
}

fn prepared(stream: TcpStream) -> io::Result<TcpStream> {
    use rustix::net::sockopt;
    stream.set_nodelay(true)?;
    stream.set_write_timeout(Some(WRITE_WAIT))?;
    sockopt::set_socket_keepalive(&stream, true)?;
    sockopt::set_tcp_keepidle(&stream, KEEP_IDLE)?;
    sockopt::set_tcp_keepintvl(&stream, KEEP_PAUSE)?;
    sockopt::set_tcp_keepcnt(&stream, KEEP_TRIES)?;
    Ok(stream)
}
