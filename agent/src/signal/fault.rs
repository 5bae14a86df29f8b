//! Fault: the fault aspect, until the process starts again.

use super::Lamps;
use flextraff_common::junction::{FaultAspect, GroupKind, Junction};
use flextraff_common::wire::{Aspect, ControllerState};

/// Flash for vehicles while pedestrian heads, which cannot flash, stay dark.
pub(super) fn flash(junction: &Junction, aspect: Aspect) -> Lamps {
    junction
        .groups()
        .iter()
        .map(|group| if group.kind == GroupKind::Pedestrian { Aspect::Dark } else { aspect })
        .collect()
}

/// What the lamps of a junction show on a fault.
pub fn fault_lamps(junction: &Junction) -> Lamps {
    match junction.signal.fault_aspect {
        FaultAspect::FlashAmber => flash(junction, Aspect::FlashAmber),
        FaultAspect::FlashRed => flash(junction, Aspect::FlashRed),
        FaultAspect::AllRed => vec![Aspect::Red; junction.groups().len()],
    }
}

pub(super) fn fault_state(junction: &Junction) -> ControllerState {
    match junction.signal.fault_aspect {
        FaultAspect::AllRed => ControllerState::AllRed,
        FaultAspect::FlashAmber | FaultAspect::FlashRed => ControllerState::Flash,
    }
}
