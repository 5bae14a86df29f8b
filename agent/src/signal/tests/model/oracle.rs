//! The rules of the lamps, written from the specification of a junction; nothing of controller or interlock is called here.

use super::Key;
use flextraff_common::junction::{GroupKind, JunctionSpec};
use flextraff_common::time::MonoMs;
use flextraff_common::wire::Aspect;
use std::sync::Arc;

/// What holds at a junction; groups and stages by their place in the specification.
#[derive(Clone, Debug)]
pub(super) struct Rules {
    pub(super) names: Vec<String>,
    pub(super) pedestrian: Vec<bool>,
    /// From the end of the first group's green to the start of the second's; none: they may have green together.
    pub(super) intergreen_ms: Vec<Vec<Option<i64>>>,
    pub(super) amber_ms: i64,
    pub(super) stages: Vec<StageRule>,
    pub(super) longest_red_ms: i64,
    /// How much longer a group may wait while an emergency holds.
    emergency_ms: i64,
    /// All shortest greens with their clearances.
    round_ms: i64,
    /// How much longer than the longest red a group may wait.
    spare_ms: i64,
}

#[derive(Clone, Debug)]
pub(super) struct StageRule {
    pub(super) name: String,
    pub(super) groups: Vec<usize>,
    min_ms: i64,
    max_ms: i64,
}

/// What is seen at a whole second.
pub(super) struct View<'a> {
    pub(super) lamps: &'a [Aspect],
    /// The stage that has green.
    pub(super) green: Option<usize>,
    /// Which groups are promised green.
    pub(super) promised: &'a dyn Fn(usize) -> bool,
    /// The stage of an emergency.
    pub(super) emergency: Option<usize>,
    /// Whether the cabinet's panel decides: a green lasts until somebody asks for the next one, or others have waited for as long as may be.
    pub(super) panel: bool,
    /// Whether what runs has a single stage, whose green need not end.
    pub(super) alone: bool,
    /// Whether the signal has left start-up.
    pub(super) runs: bool,
}

/// Has seen all lamps of a junction so far.
#[derive(Clone, Debug)]
pub(super) struct Oracle {
    pub(super) rules: Arc<Rules>,
    faces: Vec<Face>,
    green: Option<Green>,
    emergency: Option<usize>,
    panel: bool,
}

#[derive(Clone, Copy, Debug)]
struct Face {
    shows: Option<Aspect>,
    since: MonoMs,
    green_ended: Option<MonoMs>,
    amber_ended: Option<MonoMs>,
    /// Whether that was a green, and not flash, in which whoever went looked out.
    was_green: bool,
    /// Since when it waits for a green that it is promised.
    waits_since: Option<MonoMs>,
}

#[derive(Clone, Copy, Debug)]
struct Green {
    stage: usize,
    since: MonoMs,
    /// Since when it must come to an end.
    limited_since: MonoMs,
}

/// The signal changes at whole seconds only.
const fn whole_seconds(ms: i64) -> i64 {
    (ms + 999).div_euclid(1000) * 1000
}

impl Rules {
    /// `longest_red_s` stands for the specification's, which cannot be as short as a model wants it.
    pub(super) fn of(spec: &JunctionSpec, longest_red_s: u32) -> Self {
        let ms = |seconds: f64| (seconds * 1000.0).round() as i64;
        let names: Vec<String> = spec.groups.iter().map(|group| group.name.clone()).collect();
        let signal = &spec.signal;
        // Where the amber is longer than given, because it ends at a whole second, the red after it begins as much later.
        let amber_ms = whole_seconds(ms(signal.amber_s));
        let longer_ms = amber_ms - ms(signal.amber_s);
        let intergreen = |from: &String, to: &String| {
            let are = |a: &str, b: &str| a == from && b == to;
            let compatible =
                spec.compatible.iter().any(|pair| are(&pair.a, &pair.b) || are(&pair.b, &pair.a));
            if from == to || compatible {
                return None;
            }
            let given = spec.intergreens.iter().find(|row| are(&row.from, &row.to));
            let seconds = given.map_or(signal.amber_s + signal.all_red_s, |row| row.seconds);
            // Who has stepped off crosses, and then stands 3 s before anybody is released across.
            let clearance_s =
                spec.groups.iter().find(|group| group.name == *from).and_then(|group| group.clearance_s);
            let walk_ms = clearance_s.map_or(0, |clearance_s| ms(clearance_s + 3.0));
            Some((ms(seconds) + longer_ms).max(walk_ms))
        };
        let intergreen_ms: Vec<Vec<Option<i64>>> =
            names.iter().map(|from| names.iter().map(|to| intergreen(from, to)).collect()).collect();
        let stages: Vec<StageRule> = spec
            .stages
            .iter()
            .map(|stage| StageRule {
                name: stage.name.clone(),
                groups: names
                    .iter()
                    .enumerate()
                    .filter(|(_, name)| stage.groups.contains(name))
                    .map(|(at, _)| at)
                    .collect(),
                min_ms: {
                    let walks = spec.groups.iter().filter(|group| stage.groups.contains(&group.name));
                    ms(walks.filter_map(|group| group.walk_s).fold(stage.min_green_s, f64::max))
                },
                max_ms: ms(stage.max_green_s),
            })
            .collect();
        let longest_clearance = intergreen_ms.iter().flatten().flatten().copied().max().unwrap_or(0);
        let longest_clearance = whole_seconds(longest_clearance.max(amber_ms));
        let round: i64 = stages.iter().map(|stage| stage.min_ms + longest_clearance).sum();
        Self {
            names,
            pedestrian: spec.groups.iter().map(|group| group.kind == GroupKind::Pedestrian).collect(),
            intergreen_ms,
            amber_ms,
            stages,
            longest_red_ms: i64::from(longest_red_s) * 1000,
            emergency_ms: 2 * round,
            round_ms: round,
            spare_ms: 0,
        }
    }

    /// The same, but that a group may wait for one round of shortest greens longer.
    pub(super) fn with_a_round_to_spare(&self) -> Self {
        Self { spare_ms: self.round_ms, ..self.clone() }
    }

    fn conflict(&self, a: usize, b: usize) -> bool {
        self.intergreen_ms[a][b].is_some()
    }
}

impl Oracle {
    pub(super) fn new(rules: &Arc<Rules>, now: MonoMs) -> Self {
        let face = Face {
            shows: None,
            since: now,
            green_ended: None,
            amber_ended: None,
            was_green: false,
            waits_since: None,
        };
        let faces = vec![face; rules.names.len()];
        Self { faces, rules: Arc::clone(rules), green: None, emergency: None, panel: false }
    }

    /// The process starts anew: nobody knows what the lamps showed last.
    pub(super) fn restart(&mut self, now: MonoMs) {
        *self = Self::new(&self.rules, now);
    }

    pub(super) fn project(&self, key: &mut Key) {
        let Self { rules, faces, green, emergency, panel } = self;
        for (group, face) in faces.iter().enumerate() {
            let Face { shows, since, green_ended, amber_ended, was_green, waits_since } = face;
            key.word(shows.map_or(0, |aspect| 1 + aspect as i64));
            key.age(Some(*since).filter(|_| *shows == Some(Aspect::Amber)), Key::FOREVER_MS);
            let longest = rules.intergreen_ms[group].iter().flatten().copied().max().unwrap_or(0);
            key.age(*green_ended, longest);
            key.age(*amber_ended, (longest - rules.amber_ms).max(0));
            key.flag(
                *was_green && green_ended.is_some_and(|ended| key.now.since(ended) < whole_seconds(longest)),
            );
            key.age(*waits_since, Key::FOREVER_MS);
            key.flag(waits_since.is_some());
        }
        key.flag(green.is_some());
        if let Some(Green { stage, since, limited_since }) = green {
            let rule = &rules.stages[*stage];
            let most_ms = (rules.longest_red_ms + rules.spare_ms).max(rule.max_ms).max(rule.min_ms);
            key.word(*stage as i64);
            key.age(Some(*since), rule.min_ms);
            key.age(Some(*limited_since), most_ms);
        }
        key.word(emergency.map_or(-1, |stage| stage as i64));
        key.flag(*panel);
    }

    /// Whether the lamps may show this at a moment, after what they have shown.
    pub(super) fn judge(&self, lamps: &[Aspect], now: MonoMs) -> Result<(), String> {
        let name = |group: usize| &self.rules.names[group];
        let is_flash = |aspect: Aspect| matches!(aspect, Aspect::FlashAmber | Aspect::FlashRed);
        if lamps.iter().any(|aspect| is_flash(*aspect)) {
            let vehicles = || (0..lamps.len()).filter(|group| !self.rules.pedestrian[*group]);
            let same = vehicles().all(|group| is_flash(lamps[group]))
                && vehicles().map(|group| lamps[group]).collect::<std::collections::BTreeSet<_>>().len() == 1;
            let dark =
                (0..lamps.len()).all(|group| !self.rules.pedestrian[group] || lamps[group] == Aspect::Dark);
            return if same && dark { Ok(()) } else { Err("flash that not all heads show".to_owned()) };
        }
        for (group, (face, &aspect)) in self.faces.iter().zip(lamps).enumerate() {
            let pedestrian = self.rules.pedestrian[group];
            let may = match face.shows {
                None | Some(Aspect::FlashAmber | Aspect::FlashRed | Aspect::Dark) => aspect == Aspect::Red,
                Some(Aspect::Green) if pedestrian => matches!(aspect, Aspect::Green | Aspect::Red),
                Some(Aspect::Green) => matches!(aspect, Aspect::Green | Aspect::Amber),
                Some(Aspect::Amber) => matches!(aspect, Aspect::Amber | Aspect::Red),
                Some(Aspect::Red) if pedestrian => matches!(aspect, Aspect::Green | Aspect::Red),
                Some(Aspect::Red) => matches!(aspect, Aspect::Green | Aspect::Red | Aspect::RedAmber),
                Some(Aspect::RedAmber) => matches!(aspect, Aspect::Green | Aspect::RedAmber),
            };
            if !may {
                return Err(format!("{} goes from {:?} to {aspect:?}", name(group), face.shows));
            }
            let ends_amber = face.shows == Some(Aspect::Amber) && aspect != Aspect::Amber;
            if ends_amber && now.since(face.since) < self.rules.amber_ms {
                return Err(format!("the amber of {} is short", name(group)));
            }
        }
        for a in 0..lamps.len() {
            for b in a + 1..lamps.len() {
                let both = lamps[a] != Aspect::Red && lamps[b] != Aspect::Red;
                if both && self.rules.conflict(a, b) {
                    return Err(format!("{} and {} conflict", name(a), name(b)));
                }
            }
        }
        for to in (0..lamps.len()).filter(|&to| lamps[to] == Aspect::Green) {
            if self.faces[to].shows == Some(Aspect::Green) {
                continue;
            }
            for (from, face) in self.faces.iter().enumerate() {
                let Some(least) = self.rules.intergreen_ms[from][to] else { continue };
                let ended = if face.shows == Some(Aspect::Green) { Some(now) } else { face.green_ended };
                if ended.is_some_and(|ended| now.since(ended) < least) {
                    return Err(format!("the intergreen from {} to {} is short", name(from), name(to)));
                }
                let ended = if face.shows == Some(Aspect::Amber) { Some(now) } else { face.amber_ended };
                if ended.is_some_and(|ended| now.since(ended) < least - self.rules.amber_ms) {
                    return Err(format!("the red from {} to {} is short", name(from), name(to)));
                }
            }
        }
        Ok(())
    }

    /// Whether flash that no fault asks for may come now: everybody may go in it, so nobody may still be in the way.
    fn judge_flash(&self, lamps: &[Aspect], now: MonoMs) -> Result<(), String> {
        if !lamps.iter().any(|aspect| matches!(aspect, Aspect::FlashAmber | Aspect::FlashRed)) {
            return Ok(());
        }
        for (group, face) in self.faces.iter().enumerate() {
            let ended = match face.shows {
                Some(Aspect::Green) => Some(now),
                _ => face.green_ended.filter(|_| face.was_green),
            };
            let least = self.rules.intergreen_ms[group].iter().flatten().copied().max().unwrap_or(0);
            if ended.is_some_and(|ended| now.since(ended) < least) {
                return Err(format!(
                    "flash comes while those of {} are on their way",
                    self.rules.names[group]
                ));
            }
        }
        Ok(())
    }

    /// Takes what the lamps show from a whole second on.
    pub(super) fn see(&mut self, view: &View<'_>, now: MonoMs) -> Result<(), String> {
        self.judge(view.lamps, now)?;
        self.judge_flash(view.lamps, now)?;
        // Who drove before the start, or on flash, may be anywhere: as if all had had green until now.
        let was_open = |face: &Face| matches!(face.shows, None | Some(Aspect::FlashAmber | Aspect::FlashRed));
        let leaves_flash = self.faces.iter().any(was_open);
        for (face, &aspect) in self.faces.iter_mut().zip(view.lamps) {
            if face.shows != Some(aspect) {
                if face.shows == Some(Aspect::Green) || (leaves_flash && aspect == Aspect::Red) {
                    face.green_ended = Some(now);
                    face.was_green = face.shows == Some(Aspect::Green);
                }
                if face.shows == Some(Aspect::Amber) {
                    face.amber_ended = Some(now);
                }
                (face.shows, face.since) = (Some(aspect), now);
            }
        }
        let long = |face: &Face| {
            face.shows == Some(Aspect::Amber) && now.since(face.since) >= whole_seconds(self.rules.amber_ms)
        };
        if self.faces.iter().any(long) {
            return Err("an amber does not end".to_owned());
        }
        self.see_green(view, now)?;
        self.panel = view.panel;
        self.see_waiting(view, now)
    }

    fn see_green(&mut self, view: &View<'_>, now: MonoMs) -> Result<(), String> {
        if let Some(green) = self.green.filter(|green| Some(green.stage) != view.green) {
            let stage = &self.rules.stages[green.stage];
            if now.since(green.since) < stage.min_ms {
                return Err(format!("the green of stage {} is short", stage.name));
            }
            self.green = None;
        }
        let Some(stage) = view.green else { return Ok(()) };
        let lit = (0..view.lamps.len()).filter(|&group| view.lamps[group] == Aspect::Green);
        let rule = &self.rules.stages[stage];
        let only = view.lamps.iter().all(|aspect| matches!(aspect, Aspect::Green | Aspect::Red));
        if lit.collect::<Vec<_>>() != rule.groups || !only {
            return Err(format!("stage {} has green, and not just its groups", rule.name));
        }
        let green = self.green.get_or_insert(Green { stage, since: now, limited_since: now });
        let most =
            if view.emergency.is_some() { self.rules.longest_red_ms.max(rule.min_ms) } else { rule.max_ms };
        if view.alone || view.panel || self.panel || view.emergency != self.emergency {
            green.limited_since = now;
        }
        if now.since(green.limited_since) >= most {
            return Err(format!("the green of stage {} is too long", rule.name));
        }
        Ok(())
    }

    fn see_waiting(&mut self, view: &View<'_>, now: MonoMs) -> Result<(), String> {
        if view.emergency != self.emergency {
            self.faces.iter_mut().for_each(|face| face.waits_since = None);
            self.emergency = view.emergency;
        }
        let extra = if view.emergency.is_some() { self.rules.emergency_ms } else { 0 };
        for (group, face) in self.faces.iter_mut().enumerate() {
            if !view.runs || face.shows == Some(Aspect::Green) || !(view.promised)(group) {
                face.waits_since = None;
                continue;
            }
            let since = *face.waits_since.get_or_insert(now);
            if now.since(since) >= self.rules.longest_red_ms + self.rules.spare_ms + extra {
                return Err(format!("{} waits {} s", self.rules.names[group], now.since(since) / 1000));
            }
        }
        Ok(())
    }
}
