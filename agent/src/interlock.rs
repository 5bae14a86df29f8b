//! The interlock: looks at each lamp vector before the lamps do, with its own copy of what conflicts, and keeps a fault once it has seen one.
//!
//! It shares no code with the controller but the junction's conflicts and intergreens, and trusts nothing that the controller says: it sees
//! aspects and the time at which they are about to be written. It imitates, in software, what a conflict monitor checks at the lamps; it does
//! not replace one.

mod late;
mod lit;
#[cfg(test)]
mod projection;
#[cfg(test)]
mod tests;
mod trip;

pub use lit::{HeadLamps, HeadSeen};
pub use trip::Trip;

use flextraff_common::junction::{FaultAspect, GroupKind, Junction};
use flextraff_common::time::MonoMs;
use flextraff_common::wire::Aspect;
use std::sync::Arc;

/// How much shorter than configured an amber or an intergreen may be, milliseconds: lamps are written by a thread that shares its processor.
/// It keeps an amber of 3 s above the 2.7 s below which conflict monitors trip.
const TOLERANCE_MS: i64 = 300;

/// Shortest amber that real lamps may show, milliseconds: the limit of the usual conflict monitors.
const SHORTEST_AMBER_MS: i64 = 2700;

/// Added to twice the longest green or red, milliseconds: nothing stays the same for longer while somebody waits.
const STILL_MS: i64 = 60_000;

/// Checks lamp vectors of one junction; pure.
#[derive(Debug)]
#[cfg_attr(test, derive(Clone))]
pub struct Interlock {
    heads: Vec<Head>,
    /// Shortest time from the end of green of the row's group to the start of green of the column's; none: they do not conflict.
    intergreen_ms: Arc<[Vec<Option<i64>>]>,
    /// Amber as configured: what is left of an intergreen after it is red.
    amber_ms: i64,
    least_amber_ms: i64,
    /// How long a steady vector may stay the same while somebody waits at red.
    longest_still_ms: i64,
    changed: MonoMs,
    watch: lit::Watch,
    real_lamps: bool,
    late: late::LateTimes,
    fault: Arc<[Aspect]>,
    latched: Option<Trip>,
}

#[derive(Debug)]
#[cfg_attr(test, derive(Clone))]
struct Head {
    name: Arc<str>,
    pedestrian: bool,
    /// Whether every plan gives it green: a stage of it may not be left out.
    always_served: bool,
    /// What was let through last; none: nothing yet.
    shows: Option<Aspect>,
    since: MonoMs,
    green_ended: Option<MonoMs>,
    amber_ended: Option<MonoMs>,
}

impl Interlock {
    /// Copies what it needs; `real_lamps`: whether the output drives lamps that people see.
    pub fn new(junction: &Junction, real_lamps: bool) -> Self {
        let heads: Vec<Head> = junction
            .group_indexes()
            .zip(junction.groups())
            .map(|(at, group)| Head {
                name: group.name.as_str().into(),
                pedestrian: group.kind == GroupKind::Pedestrian,
                always_served: junction.stages().iter().any(|stage| !stage.skip && stage.groups.contains(at)),
                shows: None,
                since: MonoMs(i64::MIN),
                green_ended: None,
                amber_ended: None,
            })
            .collect();
        let intergreen_ms = junction
            .group_indexes()
            .map(|from| {
                let to =
                    |to| junction.conflicts(from, to).then(|| i64::from(junction.intergreen_ms(from, to)));
                junction.group_indexes().map(to).collect()
            })
            .collect();
        let amber_ms = i64::from(junction.signal.amber_ms);
        let least_amber_ms = amber_ms - TOLERANCE_MS;
        let longest_green_s = junction.stages().iter().map(|stage| stage.max_green_s).max().unwrap_or(0);
        let longest_s = longest_green_s.max(junction.signal.longest_red_s);
        let fault = heads
            .iter()
            .map(|head| match (junction.signal.fault_aspect, head.pedestrian) {
                (FaultAspect::AllRed, _) => Aspect::Red,
                (_, true) => Aspect::Dark,
                (FaultAspect::FlashAmber, false) => Aspect::FlashAmber,
                (FaultAspect::FlashRed, false) => Aspect::FlashRed,
            })
            .collect();
        Self {
            heads,
            intergreen_ms,
            amber_ms,
            least_amber_ms: if real_lamps { least_amber_ms.max(SHORTEST_AMBER_MS) } else { least_amber_ms },
            longest_still_ms: 2000 * i64::from(longest_s) + STILL_MS,
            changed: MonoMs(i64::MIN),
            watch: lit::Watch::default(),
            real_lamps,
            late: late::LateTimes::default(),
            fault,
            latched: None,
        }
    }

    /// Lets a vector through that may be written now.
    ///
    /// # Errors
    /// The first rule that the vector breaks; from then on this same trip for every vector but the fault aspect.
    pub fn check(&mut self, lamps: &[Aspect], now: MonoMs) -> Result<(), Trip> {
        if let Some(trip) = &self.latched {
            return if *lamps == *self.fault { Ok(()) } else { Err(trip.clone()) };
        }
        if let Err(trip) = self.allows(lamps, now) {
            self.latched = Some(trip.clone());
            return Err(trip);
        }
        let leaves_flash = self.heads.iter().any(|head| head.shows.is_none_or(is_flash));
        for (head, &aspect) in self.heads.iter_mut().zip(lamps) {
            if head.shows == Some(aspect) {
                continue;
            }
            self.changed = now;
            // Who drove on flash may be anywhere: it counts as green for all until now.
            if head.shows == Some(Aspect::Green) || (leaves_flash && aspect == Aspect::Red) {
                head.green_ended = Some(now);
            }
            if head.shows == Some(Aspect::Amber) {
                head.amber_ended = Some(now);
            }
            head.shows = Some(aspect);
            head.since = now;
        }
        Ok(())
    }

    /// Takes that what it has let through at a moment was written at a later one: from then on it is shown.
    pub fn note_written(&mut self, looked: MonoMs, wrote: MonoMs) {
        let late = |at: &mut MonoMs| {
            if *at == looked {
                *at = wrote;
            }
        };
        late(&mut self.changed);
        for head in &mut self.heads {
            late(&mut head.since);
            head.green_ended.as_mut().map(late);
            head.amber_ended.as_mut().map(late);
        }
    }

    /// Lets heads be lit as the vector that it has let through asks: the last look before they are, at what becomes levels of pins, so that no
    /// defect in between lights a second colour.
    ///
    /// # Errors
    /// The first head that is not lit as its aspect, which latches; also in the fault aspect.
    pub fn check_lit(&mut self, lamps: &[Aspect], lit: &[HeadLamps]) -> Result<(), Trip> {
        let trip = if lit.len() == self.heads.len() && lamps.len() == lit.len() {
            let mut heads = self.heads.iter().zip(lamps.iter().zip(lit));
            heads
                .find(|(_, (aspect, lit))| !lit::fits(**aspect, **lit))
                .map(|(head, (aspect, lit))| lit::misfit(&head.name, *aspect, *lit))
        } else {
            Some(Trip::Count { shown: lit.len(), groups: self.heads.len() })
        };
        trip.map_or(Ok(()), |trip| {
            self.latched.get_or_insert_with(|| trip.clone());
            Err(trip)
        })
    }

    /// Compares what was written last with what the lamps show, some 20 times a second. A lamp that is lit though it was switched off trips after
    /// 300 ms, because it may release traffic or be a second colour on its head; one that is dark though it was switched on after 800 ms.
    ///
    /// # Errors
    /// The first lamp that has been wrong for too long, which latches.
    pub fn check_seen(&mut self, written: &[HeadLamps], seen: &[HeadSeen], now: MonoMs) -> Result<(), Trip> {
        let Some((head, lamp, is_lit, for_ms)) = self.watch.look(written, seen, now) else { return Ok(()) };
        let group = self.heads.get(head).map_or_else(String::new, |head| head.name.to_string());
        let trip = if is_lit {
            Trip::FalseLamp { group, lamp, for_ms }
        } else {
            Trip::DarkLamp { group, lamp, for_ms }
        };
        self.latched.get_or_insert_with(|| trip.clone());
        Err(trip)
    }

    /// Takes that the lamps stood still because the loop came too late, and says when that is too often for lamps that people see; whoever asks
    /// drives the fault aspect and latches it.
    pub fn note_late(&mut self, late_ms: i64, now: MonoMs) -> Option<Trip> {
        let is_too_often = self.late.add(late_ms, now) && self.real_lamps && self.latched.is_none();
        let (times, minutes) = late::LateTimes::limit();
        is_too_often.then_some(Trip::Late { times, minutes, late_ms })
    }

    /// Lets a lamp test light one lamp of the whole junction, all others dark, where nothing is in operation: in flash or in the fault aspect.
    ///
    /// # Errors
    /// When more than that was to be lit, or the signal is in operation; nothing is latched by that.
    pub fn check_test(&mut self, lamps: &[Aspect]) -> Result<(), Trip> {
        let out_of_operation =
            self.latched.is_some() || self.heads.iter().all(|head| head.shows.is_none_or(is_flash_or_dark));
        let lit = lamps.iter().filter(|aspect| **aspect != Aspect::Dark).count();
        let single = lamps.iter().all(|aspect| !is_flash(*aspect) && *aspect != Aspect::RedAmber) && lit <= 1;
        self.watch.forget();
        if out_of_operation && single && lamps.len() == self.heads.len() {
            return Ok(());
        }
        Err(Trip::Told { reason: "a lamp test was to light lamps of a signal in operation".to_owned() })
    }

    /// Forgets the latched fault, after a person at the cabinet has cleared it: the signal begins anew, with flash or all red.
    pub fn clear(&mut self) {
        self.latched = None;
        self.late = late::LateTimes::default();
        self.watch.forget();
        for head in &mut self.heads {
            (head.shows, head.since) = (None, MonoMs(i64::MIN));
            (head.green_ended, head.amber_ended) = (None, None);
        }
    }

    /// Latches a fault that somebody else has found.
    pub fn trip(&mut self, reason: &str) {
        self.latched.get_or_insert(Trip::Told { reason: reason.to_owned() });
    }

    /// The latched fault.
    pub fn latched(&self) -> Option<&Trip> {
        self.latched.as_ref()
    }

    /// What may be shown after a trip.
    pub fn fault_lamps(&self) -> &[Aspect] {
        &self.fault
    }

    fn allows(&self, lamps: &[Aspect], now: MonoMs) -> Result<(), Trip> {
        if lamps.len() != self.heads.len() {
            return Err(Trip::Count { shown: lamps.len(), groups: self.heads.len() });
        }
        if lamps.iter().copied().any(is_flash) {
            return self.allows_flash(lamps);
        }
        for (head, &aspect) in self.heads.iter().zip(lamps) {
            head.allows(aspect, now, self.least_amber_ms)?;
        }
        self.allows_together(lamps)?;
        self.allows_green(lamps, now)?;
        self.allows_still(lamps, now)
    }

    /// Whether a steady vector may go on unchanged.
    fn allows_still(&self, lamps: &[Aspect], now: MonoMs) -> Result<(), Trip> {
        let mut heads = self.heads.iter().zip(lamps);
        if self.heads.iter().zip(lamps).any(|(head, aspect)| head.shows != Some(*aspect)) {
            return Ok(());
        }
        let still_ms = now.0.saturating_sub(self.changed.0);
        let waits = heads.find(|(head, aspect)| **aspect == Aspect::Red && head.always_served);
        match waits {
            Some((head, _)) if still_ms > self.longest_still_ms => {
                Err(Trip::Stuck { group: head.name.to_string(), for_s: still_ms / 1000 })
            }
            _ => Ok(()),
        }
    }

    fn allows_flash(&self, lamps: &[Aspect]) -> Result<(), Trip> {
        let first = lamps.iter().copied().find(|&aspect| is_flash(aspect));
        let mixed = self.heads.iter().zip(lamps).find(|(head, aspect)| {
            if head.pedestrian { **aspect != Aspect::Dark } else { Some(**aspect) != first }
        });
        mixed.map_or(Ok(()), |(head, _)| Err(Trip::Mixed { group: head.name.to_string() }))
    }

    fn allows_together(&self, lamps: &[Aspect]) -> Result<(), Trip> {
        for (a, &a_shows) in lamps.iter().enumerate().filter(|(_, shows)| is_released(**shows)) {
            for (b, &b_shows) in
                lamps.iter().enumerate().skip(a + 1).filter(|(_, shows)| is_released(**shows))
            {
                if self.intergreen_ms[a][b].is_some() || self.intergreen_ms[b][a].is_some() {
                    return Err(Trip::Conflict {
                        a: self.heads[a].name.to_string(),
                        a_shows: word(a_shows),
                        b: self.heads[b].name.to_string(),
                        b_shows: word(b_shows),
                    });
                }
            }
        }
        Ok(())
    }

    fn allows_green(&self, lamps: &[Aspect], now: MonoMs) -> Result<(), Trip> {
        let starts = |to: usize| lamps[to] == Aspect::Green && self.heads[to].shows != Some(Aspect::Green);
        for to in (0..lamps.len()).filter(|&to| starts(to)) {
            for (from, head) in self.heads.iter().enumerate() {
                let Some(intergreen_ms) = self.intergreen_ms[from][to] else { continue };
                let names = || (head.name.to_string(), self.heads[to].name.to_string());
                let since = |aspect: Aspect, ended: Option<MonoMs>| {
                    let ended = if head.shows == Some(aspect) { Some(now) } else { ended };
                    ended.map(|ended| now.since(ended))
                };
                let after_green = since(Aspect::Green, head.green_ended);
                if let Some(shown_ms) =
                    after_green.filter(|shown_ms| *shown_ms < intergreen_ms - TOLERANCE_MS)
                {
                    let (from, to) = names();
                    return Err(Trip::ShortIntergreen { from, to, shown_ms, least_ms: intergreen_ms });
                }
                // Whoever still drove on the amber needs the red after it, however long the amber was; a red of no time is none.
                let red_ms = intergreen_ms - self.amber_ms;
                let least_ms = (red_ms - TOLERANCE_MS).max(i64::from(red_ms > 0));
                let after_amber = since(Aspect::Amber, head.amber_ended);
                if let Some(shown_ms) = after_amber.filter(|shown_ms| *shown_ms < least_ms) {
                    let (from, to) = names();
                    return Err(Trip::ShortRed { from, to, shown_ms, least_ms: red_ms });
                }
            }
        }
        Ok(())
    }
}

impl Head {
    /// Whether a steady aspect may follow what this head shows.
    fn allows(&self, aspect: Aspect, now: MonoMs, least_amber_ms: i64) -> Result<(), Trip> {
        let group = || self.name.to_string();
        if aspect == Aspect::Dark {
            return Err(Trip::DarkFace { group: group() });
        }
        if self.pedestrian && matches!(aspect, Aspect::Amber | Aspect::RedAmber) {
            return Err(Trip::Pedestrian { group: group(), aspect: word(aspect) });
        }
        let Some(shows) = self.shows.filter(|&shows| !is_flash(shows) && shows != Aspect::Dark) else {
            return if aspect == Aspect::Red {
                Ok(())
            } else {
                Err(Trip::Start { group: group(), aspect: word(aspect) })
            };
        };
        if shows == Aspect::Amber && aspect != Aspect::Amber {
            let shown_ms = now.since(self.since);
            if shown_ms < least_amber_ms {
                return Err(Trip::ShortAmber { group: group(), shown_ms, least_ms: least_amber_ms });
            }
        }
        let follows = match shows {
            Aspect::Green => aspect == Aspect::Amber || (self.pedestrian && aspect == Aspect::Red),
            Aspect::Amber => aspect == Aspect::Red,
            Aspect::Red => matches!(aspect, Aspect::RedAmber | Aspect::Green),
            Aspect::RedAmber => aspect == Aspect::Green,
            Aspect::FlashRed | Aspect::FlashAmber | Aspect::Dark => true,
        };
        if shows == aspect || follows {
            return Ok(());
        }
        Err(Trip::Order { group: group(), from: word(shows), to: word(aspect) })
    }
}

/// Whether somebody may be driving on it.
fn is_released(aspect: Aspect) -> bool {
    matches!(aspect, Aspect::Green | Aspect::Amber | Aspect::RedAmber)
}

fn is_flash(aspect: Aspect) -> bool {
    matches!(aspect, Aspect::FlashRed | Aspect::FlashAmber)
}

fn is_flash_or_dark(aspect: Aspect) -> bool {
    is_flash(aspect) || aspect == Aspect::Dark
}

fn word(aspect: Aspect) -> &'static str {
    match aspect {
        Aspect::Green => "green",
        Aspect::Amber => "amber",
        Aspect::Red => "red",
        Aspect::RedAmber => "red-amber",
        Aspect::FlashRed => "flashing red",
        Aspect::FlashAmber => "flashing amber",
        Aspect::Dark => "dark",
    }
}
