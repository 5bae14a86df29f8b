//! A batch of messages in one transaction.

use super::check::{check, own_row};
use super::decode::{Message, Refusal, decode, to_utc};
use crate::db::counts::{self, NewCounts, Published};
use crate::db::dead_letters::NewLetter;
use crate::db::devices::{Lamps, Said};
use crate::db::registry::Registry;
use crate::db::{clock_fixes, cycles, dead_letters, devices, is_poison, ledger, within};
use crate::mqtt::{AckToken, Incoming};
use crate::shares::Left;
use chrono::{DateTime, Utc};
use flextraff_common::ids::JunctionId;
use flextraff_common::time::ClockState;
use flextraff_common::wire::{ClockFix, Cycles, Delivery, Events, Gap, RejectCode, WireError};
use sqlx::{PgConnection, PgPool};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use uuid::Uuid;

/// Longest that the database may take for a batch: where the way to it is cut without a word, no answer ever comes.
const STORED_WITHIN: Duration = Duration::from_mins(5);

/// A message that came, read.
#[derive(Clone, Debug)]
pub struct Item {
    /// Its topic.
    pub topic: String,
    /// Its bytes, for the dead letters.
    pub payload: Vec<u8>,
    /// How many they were; more than there are when it was too large.
    pub size: usize,
    /// When it came.
    pub received: DateTime<Utc>,
    /// What it says, or why it cannot be stored.
    pub message: Result<Message, Box<Refusal>>,
    /// How much of it is another server's.
    pub left: Left,
    /// Whether the broker says that it has sent it before.
    pub again: bool,
}

impl Item {
    /// Reads a message that came whole and for the first time.
    pub fn new(topic: String, payload: Vec<u8>, received: DateTime<Utc>) -> Self {
        let (size, ack) = (payload.len(), AckToken::default());
        Self::read(Incoming { topic, payload, size, retained: false, again: false, received, ack }).0
    }

    /// Reads a message, and parts it from the right to confirm it.
    pub fn read(incoming: Incoming) -> (Self, AckToken) {
        let Incoming { topic, payload, size, retained, again, received, ack } = incoming;
        let mut message = decode(&topic, &payload, retained, received);
        if let Err(refusal) = &mut message
            && size > payload.len()
            && refusal.junction.is_some()
        {
            refusal.detail = WireError::TooLarge { bytes: size }.to_string();
        }
        (Self { topic, payload, size, received, message, left: Left::Nothing, again }, ack)
    }

    /// The junction that it belongs to, where it says so much.
    pub fn junction(&self) -> Option<JunctionId> {
        match &self.message {
            Ok(message) => Some(message.junction()),
            Err(refusal) => refusal.junction,
        }
    }

    /// Whether another server does with it what is to be done. Statuses are rare, and stored by all: whoever takes a junction over knows how its
    /// devices are. So are counts of the published interface that have a time: nobody sends them again for want of an answer.
    fn is_left(&self, verdict: &Result<&Message, Box<Refusal>>) -> bool {
        let untimed = |message: &Message| matches!(message, Message::Counts(counts) if counts.untimed);
        match (self.left, verdict) {
            (Left::Nothing, _) | (Left::Untimed, Err(_)) => false,
            (Left::Letter | Left::All, Err(_)) => true,
            (Left::Letter | Left::Untimed, Ok(message)) => untimed(message),
            (Left::All, Ok(message)) => {
                message.delivery().is_some() || matches!(message, Message::Signal(..)) || untimed(message)
            }
        }
    }
}

/// What became of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is committed.
    Stored,
    /// It was committed before.
    Duplicate,
    /// It is a dead letter.
    Refused(Box<Refusal>),
    /// Another server stores and answers it.
    Left {
        /// Whether there is nothing wrong with it.
        sound: bool,
    },
}

/// Commits messages, each to its fate. A message that the database refuses for its values becomes a dead letter and holds up no other.
///
/// # Errors
/// The database is away or cannot work: then nothing, or only a part, is committed, and calling again with the same messages is safe.
pub async fn apply(db: &PgPool, items: &[Item]) -> Result<Vec<Fate>, sqlx::Error> {
    let mut fates = vec![None; items.len()];
    // Ranges still to do; one that fails for a value is halved until the message is found.
    let mut todo = vec![(0, items.len())];
    while let Some((from, to)) = todo.pop() {
        if from == to {
            continue;
        }
        match transact(db, &items[from..to], None).await {
            Ok(done) => {
                for (fate, slot) in done.into_iter().zip(&mut fates[from..to]) {
                    *slot = Some(fate);
                }
            }
            Err(error) if is_poison(&error) && to - from > 1 => {
                let middle = from + (to - from) / 2;
                todo.push((middle, to));
                todo.push((from, middle));
            }
            Err(error) if is_poison(&error) => {
                tracing::warn!(topic = %items[from].topic, %error, "the database refuses a message; it is kept as a dead letter");
                let why = error.to_string();
                let done = transact(db, &items[from..to], Some(&why)).await?;
                fates[from] = done.into_iter().next();
            }
            Err(error) => return Err(error),
        }
    }
    Ok(fates.into_iter().map(|fate| fate.unwrap_or(Fate::Duplicate)).collect())
}

/// One transaction. With `refuse` every message is refused for that reason.
async fn transact(db: &PgPool, items: &[Item], refuse: Option<&str>) -> Result<Vec<Fate>, sqlx::Error> {
    let fates = within(STORED_WITHIN, async {
        let mut transaction = db.begin().await?;
        let fates = store(&mut transaction, items, refuse).await?;
        transaction.commit().await?;
        Ok(fates)
    })
    .await?;
    correct_clocks(db, items, &fates).await?;
    Ok(fates)
}

/// Corrects rows of uptimes whose clock was not synchronised, in transactions of their own: days of them may take minutes, in which others would wait
/// for what the batch has locked. When it fails the batch is tried again, and its rows, stored by then, say again what is to be corrected.
async fn correct_clocks(db: &PgPool, items: &[Item], fates: &[Fate]) -> Result<(), sqlx::Error> {
    let deliveries = items.iter().zip(fates).filter_map(|(item, fate)| match (fate, &item.message) {
        (Fate::Stored | Fate::Duplicate, Ok(message)) => message.delivery().filter(|delivery| {
            delivery.clock == ClockState::Unsynced || matches!(message, Message::ClockFix(..))
        }),
        _ => None,
    });
    let uptimes: BTreeSet<(Uuid, Uuid)> =
        deliveries.map(|delivery| (delivery.device_id.0, delivery.boot_id.0)).collect();
    if uptimes.is_empty() {
        return Ok(());
    }
    let (devices, boots): (Vec<Uuid>, Vec<Uuid>) = uptimes.into_iter().unzip();
    clock_fixes::correct(db, &devices, &boots).await.map(drop)
}

async fn store(
    db: &mut PgConnection,
    items: &[Item],
    refuse: Option<&str>,
) -> Result<Vec<Fate>, sqlx::Error> {
    let junctions: BTreeSet<Uuid> = items.iter().filter_map(|item| Some(item.junction()?.0)).collect();
    let junctions: Vec<Uuid> = junctions.into_iter().collect();
    let registry = Registry::load(db, &junctions).await?;
    let verdicts: Vec<Result<&Message, Box<Refusal>>> = items
        .iter()
        .map(|item| match (&item.message, refuse) {
            (Ok(message), Some(why)) => Err(Box::new(message.refuse(RejectCode::Malformed, why.to_owned()))),
            (Ok(message), None) => check(message, &registry).map(|()| message),
            (Err(refusal), _) => Err(refusal.clone()),
        })
        .collect();
    let left: Vec<bool> = items.iter().zip(&verdicts).map(|(item, verdict)| item.is_left(verdict)).collect();
    let kept = verdicts.iter().zip(&left).filter(|(_, left)| !**left).map(|(verdict, _)| verdict);
    let mut rows: Vec<&Delivery> =
        kept.clone().filter_map(|verdict| verdict.as_ref().ok()?.delivery()).collect();
    let usable = rows.len();
    // What is refused leaves no hole: each would make the ranges of its outbox longer for ever.
    rows.extend(kept.filter_map(|verdict| own_row(verdict.as_ref().err()?, &registry)));
    let mut new = ledger::enter(db, &rows).await?;
    let refused: Vec<Delivery> = rows[usable..]
        .iter()
        .zip(&new[usable..])
        .filter(|(_, new)| **new)
        .map(|(row, _)| (*row).clone())
        .collect();
    let mut of_refused = new.split_off(usable).into_iter();
    let entered: Vec<Option<bool>> = verdicts
        .iter()
        .zip(&left)
        .map(|(verdict, left)| {
            own_row(verdict.as_ref().err().filter(|_| !left)?, &registry)?;
            of_refused.next()
        })
        .collect();
    dead_letters::take_back(db, &rows[..usable], &mut new).await?;
    let mut new = new.into_iter();
    let mut fates = Vec::with_capacity(items.len());
    for (verdict, left) in verdicts.into_iter().zip(left) {
        fates.push(match verdict {
            verdict if left => Fate::Left { sound: verdict.is_ok() },
            Ok(message) if message.delivery().is_some() && new.next() != Some(true) => Fate::Duplicate,
            Ok(_) => Fate::Stored,
            Err(refusal) => Fate::Refused(refusal),
        });
    }
    store_counts(db, items, &mut fates).await?;
    store_others(db, items, &fates, &entered).await?;
    dead_letters::mark_in_ledger(db, &refused).await?;
    Ok(fates)
}

async fn store_counts(db: &mut PgConnection, items: &[Item], fates: &mut [Fate]) -> Result<(), sqlx::Error> {
    let of = |item: &Item| match &item.message {
        Ok(Message::Counts(counts)) if counts.message.delivery.is_none() => {
            Some((counts.message.lane_id.0, counts.ts))
        }
        _ => None,
    };
    let stored = items.iter().zip(&*fates).filter(|(_, fate)| **fate == Fate::Stored);
    let published: Vec<Published> = stored.filter_map(|(item, _)| of(item)).collect();
    // Messages without delivery fields tell by lane and time whether they are new.
    let mut known = counts::published(db, &published).await?;
    let mut new = NewCounts::default();
    for (item, fate) in items.iter().zip(fates).filter(|(_, fate)| **fate == Fate::Stored) {
        if of(item).is_some_and(|key| !known.insert(key)) || is_repeated(db, item).await? {
            *fate = Fate::Duplicate;
        } else if let Ok(Message::Counts(message)) = &item.message {
            new.push(message, item.received);
        }
    }
    new.insert(db).await
}

/// Whether counts without a time, which the broker has sent before, were stored then: it has not heard so, or forgotten it.
async fn is_repeated(db: &mut PgConnection, item: &Item) -> Result<bool, sqlx::Error> {
    match &item.message {
        // Without tags one is like another.
        Ok(Message::Counts(counts)) if counts.untimed && item.again && !counts.message.epc_ids.is_empty() => {
            counts::holds_untimed(db, &counts.message, item.received).await
        }
        _ => Ok(false),
    }
}

/// `entered`: of each message that is refused whether it has put its row into the ledger.
async fn store_others(
    db: &mut PgConnection,
    items: &[Item],
    fates: &[Fate],
    entered: &[Option<bool>],
) -> Result<(), sqlx::Error> {
    let mut refused = Vec::new();
    let mut stored = Others::default();
    for ((item, fate), &entered) in items.iter().zip(fates).zip(entered) {
        match (fate, &item.message) {
            (Fate::Refused(refusal), _) => {
                let Item { topic, payload, size, received, .. } = item;
                let (size, received) = (*size, *received);
                refused.push(NewLetter { topic, payload, size, refusal, received, entered });
            }
            (Fate::Stored, Ok(message)) => stored.push(message, item.received),
            (Fate::Duplicate | Fate::Left { .. }, _) | (Fate::Stored, Err(_)) => {}
        }
    }
    dead_letters::insert(db, &refused).await?;
    cycles::insert(db, &stored.cycles).await?;
    cycles::insert_events(db, &stored.events).await?;
    devices::insert_gaps(db, &stored.gaps).await?;
    clock_fixes::insert(db, &stored.fixes).await?;
    let heard: BTreeSet<Uuid> = stored.statuses.iter().map(|said| said.junction.0).collect();
    let heard: Vec<Uuid> = heard.into_iter().collect();
    devices::lock_junctions(db, &heard).await?;
    devices::set_statuses(db, &stored.statuses).await?;
    devices::set_signals(db, &stored.signals).await?;
    devices::refresh_junctions(db, &heard).await?;
    Ok(())
}

/// What a batch holds beside counts, a table a field.
#[derive(Default)]
struct Others<'a> {
    cycles: Vec<(JunctionId, &'a Cycles)>,
    events: Vec<(JunctionId, &'a Events)>,
    gaps: Vec<(JunctionId, &'a Gap)>,
    fixes: Vec<&'a ClockFix>,
    statuses: Vec<Said<'a>>,
    signals: BTreeMap<JunctionId, Lamps<'a>>,
}

impl<'a> Others<'a> {
    fn push(&mut self, message: &'a Message, received: DateTime<Utc>) {
        match message {
            Message::Counts(_) | Message::Reply(..) => {}
            Message::Cycle(junction, cycle) => self.cycles.push((*junction, cycle)),
            Message::Events(junction, events) => self.events.push((*junction, events)),
            Message::Gap(junction, gap) => self.gaps.push((*junction, gap)),
            Message::ClockFix(_, fix) => self.fixes.push(fix),
            Message::Status(junction, status, retained) => {
                self.statuses.push(Said { junction: *junction, status, retained: *retained, received });
            }
            Message::Signal(junction, signal, retained) => {
                let was = to_utc(signal.t).filter(|_| *retained).unwrap_or(received);
                let lamps = Lamps { signal, at: was.min(received), retained: *retained };
                if *retained {
                    self.signals.entry(*junction).or_insert(lamps);
                } else {
                    self.signals.insert(*junction, lamps);
                }
            }
        }
    }
}
