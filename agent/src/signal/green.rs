//! A stage has green: whether it ends at this second, and why.

use super::program::Program;
use flextraff_common::junction::{Junction, StageIx};
use flextraff_common::time::MonoMs;
use flextraff_common::wire::StageEnd;

#[derive(Clone, Copy, Debug)]
pub(super) struct Green {
    pub(super) stage: StageIx,
    /// When the stage got green: the shortest green counts from here.
    pub(super) began: MonoMs,
    /// When the cycle gave it green: the plan's green counts from here. Later than `began` when a stage follows itself.
    pub(super) counted_from: MonoMs,
    /// When it must end at the latest for the sake of those who wait.
    pub(super) latest_end: Option<MonoMs>,
}

/// What becomes of a green at a whole second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Stay,
    /// Somebody else decides from now on: this very stage is what an emergency asks for, or the panel in the cabinet comes or goes. It
    /// keeps its green; the stage record of who decided before ends so.
    TakeOver(StageEnd),
    End(StageEnd),
}

impl Green {
    /// `wanted`: the stage that an emergency asks for now; `program`: what runs.
    pub(super) fn verdict(
        &self,
        junction: &Junction,
        program: &Program,
        wanted: Option<StageIx>,
        at: MonoMs,
    ) -> Verdict {
        if wanted != program.target && wanted == Some(self.stage) {
            return Verdict::TakeOver(StageEnd::Priority);
        }
        if at.since(self.began) < i64::from(junction.stage(self.stage).min_green_s) * 1000 {
            return Verdict::Stay;
        }
        if wanted != program.target {
            return Verdict::End(StageEnd::Priority);
        }
        let green_s = program.green_s(self.stage).unwrap_or(0);
        if at.since(self.counted_from) >= i64::from(green_s) * 1000 {
            return Verdict::End(match program.target {
                None => StageEnd::Plan,
                Some(target) if target == self.stage => StageEnd::ForceOff,
                Some(_) => StageEnd::Priority,
            });
        }
        if self.latest_end.is_some_and(|latest| at >= latest) {
            return Verdict::End(StageEnd::ForceOff);
        }
        Verdict::Stay
    }
}
