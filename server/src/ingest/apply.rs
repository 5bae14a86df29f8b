//! A batch of messages in one transaction.

use super::check::check;
use super::decode::{Message, Refusal, decode};
use crate::db::counts::{self, NewCounts, Published};
use crate::db::dead_letters::NewLetter;
use crate::db::devices::Said;
use crate::db::registry::Registry;
use crate::db::{clock_fixes, cycles, dead_letters, devices, is_poison, ledger};
use crate::mqtt::{AckToken, Incoming};
use chrono::{DateTime, Utc};
use flextraff_common::ids::JunctionId;
use flextraff_common::time::ClockState;
use flextraff_common::wire::{ClockFix, Cycles, Delivery, Events, Gap, RejectCode, Signal, WireError};
use sqlx::{PgConnection, PgPool};
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

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
}

impl Item {
    /// Reads a message, and parts it from the right to confirm it.
    pub fn read(incoming: Incoming) -> (Self, AckToken) {
        let Incoming { topic, payload, size, retained, received, ack } = incoming;
        let mut message = decode(&topic, &payload, retained, received);
        if let Err(refusal) = &mut message
            && size > payload.len()
            && refusal.junction.is_some()
        {
            refusal.detail = WireError::TooLarge { bytes: size }.to_string();
        }
        (Self { topic, payload, size, received, message }, ack)
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
    let mut transaction = db.begin().await?;
    let fates = store(&mut transaction, items, refuse).await?;
    transaction.commit().await?;
    Ok(fates)
}

async fn store(
    db: &mut PgConnection,
    items: &[Item],
    refuse: Option<&str>,
) -> Result<Vec<Fate>, sqlx::Error> {
    let junctions: BTreeSet<Uuid> = items
        .iter()
        .filter_map(|item| item.message.as_ref().ok())
        .map(|message| message.junction().0)
        .collect();
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
    let rows: Vec<&Delivery> =
        verdicts.iter().filter_map(|verdict| verdict.as_ref().ok()?.delivery()).collect();
    let mut new = ledger::enter(db, &rows).await?.into_iter();
    let mut fates = Vec::with_capacity(items.len());
    for verdict in verdicts {
        fates.push(match verdict {
            Ok(message) if message.delivery().is_some() && new.next() != Some(true) => Fate::Duplicate,
            Ok(_) => Fate::Stored,
            Err(refusal) => Fate::Refused(refusal),
        });
    }
    store_counts(db, items, &mut fates).await?;
    store_others(db, items, &fates).await?;
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
        if of(item).is_some_and(|key| !known.insert(key)) {
            *fate = Fate::Duplicate;
        } else if let Ok(Message::Counts(message)) = &item.message {
            new.push(message, item.received);
        }
    }
    new.insert(db).await
}

async fn store_others(db: &mut PgConnection, items: &[Item], fates: &[Fate]) -> Result<(), sqlx::Error> {
    let mut refused = Vec::new();
    let mut stored = Others::default();
    for (item, fate) in items.iter().zip(fates) {
        match (fate, &item.message) {
            (Fate::Refused(refusal), _) => {
                let Item { topic, payload, size, received, .. } = item;
                refused.push(NewLetter { topic, payload, size: *size, refusal, received: *received });
            }
            (Fate::Stored, Ok(message)) => stored.push(message, item.received),
            (Fate::Duplicate, _) | (Fate::Stored, Err(_)) => {}
        }
    }
    dead_letters::insert(db, &refused).await?;
    cycles::insert(db, &stored.cycles).await?;
    cycles::insert_events(db, &stored.events).await?;
    devices::insert_gaps(db, &stored.gaps).await?;
    clock_fixes::insert(db, &stored.fixes).await?;
    devices::set_statuses(db, &stored.statuses).await?;
    devices::set_signals(db, &stored.signals).await?;
    let heard: BTreeSet<Uuid> = stored.statuses.iter().map(|said| said.junction.0).collect();
    devices::refresh_junctions(db, &heard.into_iter().collect::<Vec<_>>()).await?;
    let (with_offset, boots): (Vec<Uuid>, Vec<Uuid>) = stored.unsynced.into_iter().unzip();
    clock_fixes::correct(db, &with_offset, &boots).await?;
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
    signals: BTreeMap<JunctionId, (&'a Signal, DateTime<Utc>)>,
    /// Devices and uptimes whose rows may have to be corrected.
    unsynced: BTreeSet<(Uuid, Uuid)>,
}

impl<'a> Others<'a> {
    fn push(&mut self, message: &'a Message, received: DateTime<Utc>) {
        if let Some(delivery) = message.delivery()
            && (delivery.clock == ClockState::Unsynced || matches!(message, Message::ClockFix(..)))
        {
            self.unsynced.insert((delivery.device_id.0, delivery.boot_id.0));
        }
        match message {
            Message::Counts(_) | Message::Reply(..) => {}
            Message::Cycle(junction, cycle) => self.cycles.push((*junction, cycle)),
            Message::Events(junction, events) => self.events.push((*junction, events)),
            Message::Gap(junction, gap) => self.gaps.push((*junction, gap)),
            Message::ClockFix(_, fix) => self.fixes.push(fix),
            Message::Status(junction, status, retained) => {
                self.statuses.push(Said { junction: *junction, status, retained: *retained, received });
            }
            Message::Signal(junction, signal) => {
                self.signals.insert(*junction, (signal, received));
            }
        }
    }
}
