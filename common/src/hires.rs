//! High-resolution events of the signal: codes of the Purdue/INDOT enumeration (2012), as controllers log them and as signal performance
//! measures read them.
//!
//! An event is a time, a code and a parameter. Numbers in parameters count from 1: a phase is a signal group in the order of the TOML, a
//! detector is the stop line of a lane in the order of `lane_index`. A pedestrian group has the pedestrian codes, every other group those of
//! a vehicle phase.

use crate::junction::{GroupIx, LaneIx};
use crate::time::MonoMs;

/// Phases that have a code for a change of their split.
pub const SPLIT_PHASES: usize = 16;

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $name:ident = $number:literal,)+) => {
        /// What happened.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u16)]
        pub enum EventCode {
            $($(#[doc = $doc])+ $name = $number,)+
        }

        impl EventCode {
            /// Every code that is written.
            pub const ALL: &[Self] = &[$(Self::$name,)+];
        }
    };
}

codes! {
    /// A phase becomes active. Parameter: phase.
    PhaseOn = 0,
    /// Its green begins. Parameter: phase.
    BeginGreen = 1,
    /// Its shortest green is over. Parameter: phase.
    MinimumComplete = 3,
    /// Its green ends because nobody uses it any more. Parameter: phase.
    GapOut = 4,
    /// Its green ends because it was the longest. Parameter: phase.
    MaxOut = 5,
    /// Its green ends at the time of the plan, for the coordination, for a priority or by a person. Parameter: phase.
    ForceOff = 6,
    /// Its green is over. Parameter: phase.
    GreenTermination = 7,
    /// Its amber begins. Parameter: phase.
    BeginAmber = 8,
    /// Its amber is over. Parameter: phase.
    EndAmber = 9,
    /// It waits in red until the next green may start. Parameter: phase.
    BeginRedClearance = 10,
    /// The next green has started, or could. Parameter: phase.
    EndRedClearance = 11,
    /// The phase is no longer active. Parameter: phase.
    PhaseInactive = 12,
    /// A pedestrian head shows green. Parameter: phase.
    Walk = 21,
    /// It shows red, and those who are on the crossing clear it. Parameter: phase.
    PedClearance = 22,
    /// The crossing is clear. Parameter: phase.
    DontWalk = 23,
    /// Somebody has pressed the button of a pedestrian head that shows red. Parameter: phase.
    PedCall = 45,
    /// A vehicle has left a stop line. Parameter: detector.
    DetectorOff = 81,
    /// A vehicle has come to a stop line. Parameter: detector.
    DetectorOn = 82,
    /// The reader of a stop line works again. Parameter: detector.
    DetectorRestored = 83,
    /// The reader of a stop line is there and sees nothing that it should. Parameter: detector.
    DetectorFaultOther = 84,
    /// The reader of a stop line does not answer. Parameter: detector.
    DetectorFaultWatchdog = 85,
    /// No read where others show that there is traffic. Parameter: detector.
    DetectorFaultStuckOff = 86,
    /// The button of a pedestrian head is let go. Parameter: phase.
    PedDetectorOff = 89,
    /// The button of a pedestrian head is pressed. Parameter: phase.
    PedDetectorOn = 90,
    /// An emergency vehicle or an operator asks for a stage. Parameter: pre-empt number, the stage's in the order of the TOML.
    PreemptCallOn = 102,
    /// Nobody asks for it any more. Parameter: pre-empt number.
    PreemptCallOff = 104,
    /// The controller is on its way to the stage. Parameter: pre-empt number.
    PreemptEntry = 105,
    /// The stage has green for those who asked. Parameter: pre-empt number.
    PreemptDwell = 107,
    /// It has been held as long as the longest red allows, and somebody still asks. Parameter: pre-empt number.
    PreemptMaxPresence = 110,
    /// The controller is on its way back to the plan. Parameter: pre-empt number.
    PreemptExit = 111,
    /// A bus asks for priority. Parameter: number of the stage.
    PriorityCheckIn = 112,
    /// A green begins early for it. Parameter: number of the stage.
    PriorityEarlyGreen = 113,
    /// A green goes on for it. Parameter: number of the stage.
    PriorityExtendGreen = 114,
    /// It has passed, or has been given up. Parameter: number of the stage.
    PriorityCheckOut = 115,
    /// Another plan runs. Parameter: [`pattern`].
    PatternChange = 131,
    /// The cycle has another length. Parameter: seconds, as planned.
    CycleLengthChange = 132,
    /// The offset is another. Parameter: seconds; 0 also without coordination.
    OffsetChange = 133,
    /// The split of phase 1 is another; phases to 16 follow. Parameter: seconds, clearance included.
    SplitChange = 134,
    /// How the cycle stands to the common zero. Parameter: 0 free, 1 in step, 2 transition by longer cycles, 3 by shorter ones.
    CoordinationState = 150,
    /// The flash state. Parameter: [`FlashState`].
    UnitFlash = 173,
    /// The alarms. Parameter: sum of the bits of [`alarm`].
    UnitAlarm = 174,
    /// The contacts of the cabinet. Parameter: sum of the bits of [`contact`].
    AlarmGroup = 175,
    /// A manual override, or the panel in the cabinet, begins (1) or ends (0).
    ManualControl = 178,
    /// The push button of the panel is pressed (1) or let go (0).
    IntervalAdvance = 179,
    /// The wall clock was set. Parameter: by how many seconds, at most 255.
    ClockUpdated = 181,
    /// The machine has power again.
    PowerRestored = 184,
    /// Something that a person should look into. Parameter: 1 a tag asks for priority too often, 2 too many emergency vehicles ask, 3 a tag was
    /// read in two places.
    VendorAlarm = 185,
}

/// Parameter of [`EventCode::UnitFlash`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum FlashState {
    /// The lamps do not flash.
    NotFlashing = 2,
    /// By a person at the cabinet.
    LocalManual = 4,
    /// By a fault that the interlock found.
    FaultMonitor = 5,
    /// At start-up.
    Startup = 7,
}

/// Bits of [`EventCode::AlarmGroup`].
pub mod contact {
    /// The door of the cabinet is open.
    pub const DOOR: u32 = 1;
}

/// Bits of [`EventCode::UnitAlarm`].
pub mod alarm {
    /// The interlock has driven the fault aspect.
    pub const MMU_FLASH: u32 = 16;
    /// A person at the cabinet has switched to flash.
    pub const LOCAL_FLASH: u32 = 32;
}

impl EventCode {
    /// Its number.
    pub const fn number(self) -> u16 {
        self as u16
    }

    /// The code of a number; one for the split of any phase is [`EventCode::SplitChange`].
    pub fn from_number(number: u16) -> Option<Self> {
        let first = Self::SplitChange.number();
        if (first..first + SPLIT_PHASES as u16).contains(&number) {
            return Some(Self::SplitChange);
        }
        Self::ALL.iter().copied().find(|code| code.number() == number)
    }
}

/// Something that happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Event {
    /// When.
    pub at: MonoMs,
    /// Number of its code.
    pub code: u16,
    /// What the code says that it is.
    pub parameter: u32,
}

impl Event {
    /// An event with a parameter of its own.
    pub const fn new(at: MonoMs, code: EventCode, parameter: u32) -> Self {
        Self { at, code: code.number(), parameter }
    }

    /// An event of a phase.
    pub const fn of_phase(at: MonoMs, code: EventCode, group: GroupIx) -> Self {
        Self::new(at, code, group.index() as u32 + 1)
    }

    /// An event of a detector.
    pub const fn of_detector(at: MonoMs, code: EventCode, lane: LaneIx) -> Self {
        Self::new(at, code, lane.index() as u32 + 1)
    }

    /// Another split of a phase, seconds; none for phases beyond the sixteenth, which have no code for it.
    pub const fn split(at: MonoMs, group: GroupIx, seconds: u32) -> Option<Self> {
        if group.index() >= SPLIT_PHASES {
            return None;
        }
        Some(Self { at, code: EventCode::SplitChange.number() + group.index() as u16, parameter: seconds })
    }
}

/// Number of a plan's pattern: 1 to 253 from its name, so that a plan has the same number whenever it runs (two plans may share one); 254,
/// which NTCIP 1202 keeps for free operation, where no plan runs.
pub fn pattern(plan_id: Option<&str>) -> u32 {
    // FNV-1a, 32 bit.
    let hash = |id: &str| {
        id.bytes().fold(0x811C_9DC5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
    };
    plan_id.map_or(254, |id| 1 + hash(id) % 253)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_its_number_and_is_found_by_it() {
        for pair in EventCode::ALL.windows(2) {
            assert!(pair[0].number() < pair[1].number(), "{pair:?}");
        }
        for &code in EventCode::ALL {
            assert_eq!(EventCode::from_number(code.number()), Some(code));
        }
        assert_eq!(EventCode::from_number(149), Some(EventCode::SplitChange));
        assert_eq!(EventCode::from_number(13), None);
        assert_eq!((EventCode::BeginGreen.number(), EventCode::DetectorOn.number()), (1, 82));
    }

    #[test]
    fn phases_and_detectors_count_from_one() {
        let at = MonoMs(100);
        let event = |code, parameter| Event { at, code, parameter };
        assert_eq!(Event::of_phase(at, EventCode::BeginAmber, GroupIx::new(0)), event(8, 1));
        assert_eq!(Event::of_detector(at, EventCode::DetectorOff, LaneIx::new(3)), event(81, 4));
        assert_eq!(Event::split(at, GroupIx::new(15), 30), Some(event(149, 30)));
        assert_eq!(Event::split(at, GroupIx::new(16), 30), None);
    }

    #[test]
    fn a_plan_keeps_its_pattern_number() {
        assert_eq!(pattern(None), 254);
        assert_eq!(pattern(Some("")), 1 + 0x811C_9DC5 % 253);
        assert!((0..1000).all(|plan| (1..=253).contains(&pattern(Some(&format!("plan {plan}"))))));
        assert_ne!(pattern(Some("morning")), pattern(Some("evening")));
    }
}
