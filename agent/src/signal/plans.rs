//! The plans that the controller holds, one for each who may decide, and which of them counts.

#[cfg(test)]
use super::tests::model::Key;
use flextraff_common::plan::Plan;
use flextraff_common::time::MonoMs;
use flextraff_common::wire::Mode;
use std::sync::Arc;

/// A plan and how long it holds.
#[derive(Clone, Debug)]
pub(super) struct Held {
    pub(super) plan: Arc<Plan>,
    /// From here on it no longer counts.
    pub(super) until: MonoMs,
}

/// At most one plan each of an emergency, an operator and the planner, and the request of an emergency vehicle.
#[derive(Clone, Debug, Default)]
pub(super) struct Plans {
    vehicle: Option<Held>,
    emergency: Option<Held>,
    manual: Option<Held>,
    automatic: Option<Held>,
}

impl Plans {
    /// Takes a plan in place of the one of the same mode. An automatic plan that says so drops override and emergency.
    pub(super) fn hold(&mut self, plan: Arc<Plan>, until: MonoMs) {
        if plan.ends_override {
            self.emergency = None;
            self.manual = None;
        }
        let slot = self.of(plan.mode);
        *slot = Some(Held { plan, until });
    }

    /// Takes a plan unless one of the same mode is held already; says whether it did.
    pub(super) fn hold_if_none(&mut self, plan: &Arc<Plan>, until: MonoMs) -> bool {
        let slot = self.of(plan.mode);
        let free = slot.is_none();
        if free {
            *slot = Some(Held { plan: Arc::clone(plan), until });
        }
        free
    }

    /// Takes what an emergency vehicle asks for in place of what the one before asked for; none: nobody asks any more.
    pub(super) fn hold_vehicle(&mut self, request: Option<Held>) {
        self.vehicle = request;
    }

    /// Whether an emergency vehicle decides.
    pub(super) fn vehicle_decides(&self, at: MonoMs) -> bool {
        self.vehicle.as_ref().is_some_and(|held| held.until > at)
    }

    /// The plan that counts: an emergency vehicle before an emergency of the server before an override before the planner; none: fallback.
    pub(super) fn best(&self, at: MonoMs) -> Option<&Arc<Plan>> {
        [&self.vehicle, &self.emergency, &self.manual, &self.automatic]
            .into_iter()
            .flatten()
            .find(|held| held.until > at)
            .map(|held| &held.plan)
    }

    /// Whether a plan of that name still holds.
    pub(super) fn holds(&self, id: Option<&str>, at: MonoMs) -> bool {
        let held = [&self.emergency, &self.manual, &self.automatic].into_iter().flatten();
        held.filter(|held| held.until > at).any(|held| held.plan.id.as_deref() == id)
    }

    /// Adds what counts; `restores`: whether one may still be taken back.
    #[cfg(test)]
    pub(super) fn project(&self, restores: bool, key: &mut Key) {
        let Self { vehicle, emergency, manual, automatic } = self;
        for held in [vehicle, emergency, manual, automatic] {
            // One that has run out keeps a restored one from its place, and does nothing else.
            key.flag(restores && held.is_some());
            let live = held.as_ref().filter(|held| held.until > key.now);
            key.flag(live.is_some());
            if let Some(Held { plan, until }) = live {
                key.plan(plan);
                key.left(*until);
            }
        }
    }

    fn of(&mut self, mode: Mode) -> &mut Option<Held> {
        match mode {
            Mode::Emergency => &mut self.emergency,
            Mode::ManualOverride => &mut self.manual,
            Mode::Automatic => &mut self.automatic,
        }
    }
}

/// Whether two plans give the same greens under the same name: then a new one only renews the validity of the old.
pub(super) fn same(a: &Plan, b: &Plan) -> bool {
    a.id == b.id && a.mode == b.mode && a.offset_s == b.offset_s && a.stages == b.stages
}
