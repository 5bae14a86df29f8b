//! What a person should look into, for a while after it was found; pure.

use crate::estimation::Alarm;
use flextraff_common::junction::Junction;
use flextraff_common::time::{Moment, MonoMs};
use flextraff_common::wire::AlarmStatus;

/// An alarm is told for so long after it was last found, milliseconds.
const LASTS_MS: i64 = 900_000;
/// Most that are told; older ones give way.
const MOST: usize = 16;

/// The alarms, the newest last.
#[derive(Clone, Debug, Default)]
pub struct Alarms(Vec<(AlarmStatus, MonoMs)>);

impl Alarms {
    /// Takes an alarm; one that is known lasts longer and keeps its beginning.
    pub fn handle(&mut self, alarm: &Alarm, junction: &Junction, now: Moment) {
        let lane = junction.lane(alarm.lane).name.clone();
        let epc = alarm.epc.to_string();
        let is_same = |(known, _): &&mut (AlarmStatus, MonoMs)| known.kind == alarm.kind && known.epc == epc;
        if let Some((known, last)) = self.0.iter_mut().find(is_same) {
            (known.lane, *last) = (lane, now.mono);
            return;
        }
        if self.0.len() >= MOST {
            self.0.remove(0);
        }
        let status = AlarmStatus { kind: alarm.kind, since: now.wall, class: alarm.class, lane, epc };
        self.0.push((status, now.mono));
    }

    /// Lets the time pass.
    pub fn handle_timeout(&mut self, at: MonoMs) {
        self.0.retain(|(_, last)| at.since(*last) < LASTS_MS);
    }

    /// As the status tells them.
    pub fn status(&self) -> Vec<AlarmStatus> {
        self.0.iter().map(|(status, _)| status.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::tests::{at, four_way};
    use flextraff_common::epc::{Epc, Pseudonym, TagKey};
    use flextraff_common::junction::LaneIx;
    use flextraff_common::wire::{AlarmKind, WatchedClass};

    fn alarm(number: u32, kind: AlarmKind) -> Alarm {
        let epc = Epc::new(&number.to_be_bytes()).expect("four bytes");
        Alarm { kind, class: WatchedClass::Emergency, lane: LaneIx::new(2), epc }
    }

    #[test]
    fn an_alarm_is_told_once_until_it_was_not_found_for_a_quarter_of_an_hour() {
        let (junction, mut alarms) = (four_way(), Alarms::default());
        alarms.handle(&alarm(7, AlarmKind::TagInTwoPlaces), &junction, at(0.0));
        alarms.handle(&alarm(7, AlarmKind::TagInTwoPlaces), &junction, at(300.0));
        alarms.handle(&alarm(7, AlarmKind::TagTooOften), &junction, at(300.0));
        let told = alarms.status();
        assert_eq!(told.len(), 2);
        assert_eq!(
            (told[0].since, told[0].lane.as_str(), told[0].epc.as_str()),
            (at(0.0).wall, "E", "00000007")
        );
        let json = serde_json::to_value(&told[0]).expect("it is JSON");
        assert_eq!((&json["kind"], &json["class"]), (&"tag_in_two_places".into(), &"emergency".into()));
        alarms.handle_timeout(at(1199.0).mono);
        assert_eq!(alarms.status().len(), 2);
        alarms.handle_timeout(at(1200.0).mono);
        assert!(alarms.status().is_empty());
    }

    #[test]
    fn no_flood_of_tags_makes_the_status_grow() {
        let (junction, mut alarms) = (four_way(), Alarms::default());
        (0..1000)
            .for_each(|tag| alarms.handle(&alarm(tag, AlarmKind::TooManyEmergencies), &junction, at(0.0)));
        let told = alarms.status();
        assert_eq!((told.len(), told[15].epc.as_str()), (16, "000003E7"), "the newest are kept");
    }

    #[test]
    fn a_vehicle_has_the_name_under_which_it_is_counted_and_the_sentence_has_none() {
        let raw: Epc = "34161FA8203E7CB202000020".parse().expect("an EPC");
        let name = Pseudonym::of(&raw, "k1".parse().expect("a name"), &TagKey::new([1; 32])).expect("an EPC");
        let alarm = Alarm { epc: name.into(), ..alarm(7, AlarmKind::TagTooOften) };
        let (junction, mut alarms) = (four_way(), Alarms::default());
        alarms.handle(&alarm, &junction, at(0.0));
        assert!(alarms.status()[0].epc.starts_with("p:k1:"), "{:?}", alarms.status());
        assert!(!alarm.to_string().contains("p:") && alarm.to_string().ends_with("antenna"));
    }
}
