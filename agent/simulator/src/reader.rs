//! Tag readers: what the antennas saw becomes bytes on pseudo-terminals, as untidy as serial lines are.

mod answer;
mod checksum;
mod frame;
mod line;
mod pty;

pub use frame::{Dialect, tag};
pub use line::{Line, Part};
pub use pty::{Pty, Written};

use crate::clock::Clock;
use flextraff_common::epc::Epc;
use flextraff_common::time::MonoMs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, PoisonError, RwLock};
use std::thread::JoinHandle;
use std::time::Duration;

/// Longest pause between two looks at the lines, milliseconds.
const IDLE_MS: i64 = 200;

/// A tag to be reported by a reader.
#[derive(Clone, Copy, Debug)]
pub struct Report<T> {
    /// Index of the reader.
    pub reader: usize,
    /// When it was read.
    pub at: MonoMs,
    /// Antenna port, from 1.
    pub port: u8,
    /// The tag.
    pub epc: Epc,
    /// Raw signal strength.
    pub rssi: u8,
    /// Name of this read.
    pub read: T,
}

/// What the thread is told.
enum Order<T> {
    Report(Report<T>),
    /// The cable of a reader is pulled, or put back.
    Plug {
        reader: usize,
        plugged: bool,
    },
}

#[derive(Debug, Default)]
struct Counters {
    /// Reads for which a line had no room although somebody listens.
    dropped: AtomicU64,
    /// Frames that nobody listened to.
    unheard: AtomicU64,
    /// One a reader: whether somebody listens.
    listeners: RwLock<Vec<bool>>,
    /// Whether the thread is still at work.
    ended: AtomicBool,
}

/// All readers of the city, written by one thread.
#[derive(Debug)]
pub struct Readers<T> {
    orders: Option<Sender<Order<T>>>,
    sent: Receiver<(MonoMs, T)>,
    counters: Arc<Counters>,
    thread: Option<JoinHandle<()>>,
}

impl<T: Send + 'static> Readers<T> {
    /// Starts readers on these lines. Times of reports are those of `clock`; noise comes from `seed`.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn start(lines: Vec<(Pty, Dialect)>, clock: Clock, seed: u64) -> std::io::Result<Self> {
        let (orders, queue) = channel();
        let (confirm, sent) = channel();
        let counters = Arc::new(Counters::default());
        let mut ports: Vec<Port<T>> = lines
            .into_iter()
            .zip(seed..)
            .map(|((pty, dialect), seed)| Port {
                link: pty.link().to_path_buf(),
                pty: Some(pty),
                line: Line::new(dialect, seed),
                broken: None,
            })
            .collect();
        let shared = Arc::clone(&counters);
        let thread = std::thread::Builder::new().name("readers".to_owned()).spawn(move || {
            work(&mut ports, &queue, &confirm, &shared, clock);
            shared.ended.store(true, Ordering::Release);
        })?;
        Ok(Self { orders: Some(orders), sent, counters, thread: Some(thread) })
    }

    /// Hands over a read; those of one reader come in order of time.
    pub fn report(&self, report: Report<T>) {
        self.order(Order::Report(report));
    }

    /// Pulls the cable of a reader, or puts it back: its device is gone, then there again as another one under the same link.
    pub fn plug(&self, reader: usize, plugged: bool) {
        self.order(Order::Plug { reader, plugged });
    }

    fn order(&self, order: Order<T>) {
        if let Some(orders) = &self.orders {
            // An ended thread shows in `working`.
            let _ = orders.send(order);
        }
    }

    /// Reads whose frames are out whole since the last call, and when they were.
    pub fn sent(&self) -> impl Iterator<Item = (MonoMs, T)> + '_ {
        self.sent.try_iter()
    }

    /// Reads lost because a listener did not empty its line.
    pub fn dropped(&self) -> u64 {
        self.counters.dropped.load(Ordering::Relaxed)
    }

    /// Frames that went out while nobody listened.
    pub fn unheard(&self) -> u64 {
        self.counters.unheard.load(Ordering::Relaxed)
    }

    /// How many readers somebody listens to.
    pub fn listeners(&self) -> usize {
        let listeners = self.counters.listeners.read().unwrap_or_else(PoisonError::into_inner);
        listeners.iter().filter(|&&listens| listens).count()
    }

    /// Whether the thread that writes is alive.
    pub fn working(&self) -> bool {
        !self.counters.ended.load(Ordering::Acquire)
    }
}

impl<T> Drop for Readers<T> {
    fn drop(&mut self) {
        self.orders = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

struct Port<T> {
    /// Where its device file is found.
    link: PathBuf,
    /// None: its cable is pulled.
    pty: Option<Pty>,
    line: Line<T>,
    /// A frame of which a part was lost: its other parts are lost too.
    broken: Option<u64>,
}

/// Until the other side hangs up.
fn work<T>(
    ports: &mut [Port<T>],
    orders: &Receiver<Order<T>>,
    sent: &Sender<(MonoMs, T)>,
    counters: &Counters,
    clock: Clock,
) {
    loop {
        let now = clock.now();
        let next = ports.iter().filter_map(|port| port.line.next_due()).min();
        let pause = next.map_or(IDLE_MS, |due| due.since(now).clamp(0, IDLE_MS));
        match orders.recv_timeout(Duration::from_millis(pause as u64)) {
            Ok(first) => std::iter::once(first).chain(orders.try_iter()).for_each(|order| match order {
                Order::Report(report) => {
                    let Some(port) = ports.get_mut(report.reader) else { return };
                    if !port.line.read(report.at, report.port, &report.epc, report.rssi, report.read) {
                        counters.dropped.fetch_add(1, Ordering::Relaxed);
                    }
                }
                Order::Plug { reader, plugged } => {
                    let Some(port) = ports.get_mut(reader) else { return };
                    // A system without pseudo-terminals leaves it pulled, which shows in `listeners`.
                    port.pty = if plugged { Pty::open(&port.link).ok() } else { None };
                }
            }),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        let mut listening = Vec::with_capacity(ports.len());
        for port in ports.iter_mut() {
            if let Some(pty) = &port.pty {
                port.line.take(pty.take_input(), clock.now());
            }
            while let Some(part) = port.line.due(clock.now()) {
                if let Some(read) = port.send(part, counters) {
                    let _ = sent.send((clock.now(), read));
                }
            }
            listening.push(port.pty.as_ref().is_some_and(Pty::has_listener));
        }
        *counters.listeners.write().unwrap_or_else(PoisonError::into_inner) = listening;
    }
}

impl<T> Port<T> {
    /// Writes a part; the read that is complete with it.
    fn send(&mut self, part: Part<T>, counters: &Counters) -> Option<T> {
        if self.broken == Some(part.frame) {
            return None;
        }
        match self.pty.as_ref().map_or(Written::NobodyListens, |pty| pty.write(&part.bytes)) {
            Written::Whole => part.completes,
            Written::Cut => {
                self.broken = Some(part.frame);
                counters.dropped.fetch_add(1, Ordering::Relaxed);
                None
            }
            Written::NobodyListens => {
                self.broken = Some(part.frame);
                counters.unheard.fetch_add(1, Ordering::Relaxed);
                None
            }
        }
    }
}

#[cfg(test)]
mod tests;
