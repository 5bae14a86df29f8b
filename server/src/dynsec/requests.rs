//! How commands are shared out among requests; pure.

use flextraff_common::wire::MAX_PAYLOAD;
use serde_json::Value;

/// Most commands of a request.
const AT_ONCE: usize = 20;
/// Most bytes of a request: the broker takes no larger message, and a junction with many neighbours brings long lists of rights.
const LARGEST: usize = MAX_PAYLOAD - 4096;
/// What each command gets besides, so that its answer is known: its correlation data.
const BESIDES: usize = 64;

/// Requests, in the order of the commands. One that is too large by itself stands alone.
pub(super) fn requests(commands: Vec<Value>) -> Vec<Vec<Value>> {
    let mut requests: Vec<Vec<Value>> = Vec::new();
    let mut bytes = 0;
    for command in commands {
        let size = command.to_string().len() + BESIDES;
        let room = |request: &&mut Vec<Value>| request.len() < AT_ONCE && bytes + size <= LARGEST;
        if let Some(request) = requests.last_mut().filter(room) {
            request.push(command);
            bytes += size;
        } else {
            requests.push(vec![command]);
            bytes = size;
        }
    }
    requests
}

#[cfg(test)]
mod tests {
    use super::super::{State, commands};
    use super::*;
    use crate::db::enrolment::{BrokerLogin, Credential, Logins};
    use flextraff_common::ids::{DeviceId, JunctionId};
    use serde_json::json;
    use uuid::Uuid;

    /// The commands that bring a broker that has the roles, but not their rights, in step: 50 devices, whose junctions have so many neighbours.
    fn given(neighbours: u128) -> Vec<Value> {
        let linked: Vec<JunctionId> = (0..neighbours).map(|id| JunctionId(Uuid::from_u128(id))).collect();
        let login = |id: u128| BrokerLogin {
            device: DeviceId(Uuid::from_u128(id)),
            junction: JunctionId(Uuid::from_u128(1000 + id)),
            linked: linked.clone(),
            credential: Some(Credential { id: Uuid::nil(), password: "p".repeat(32), serial: None }),
        };
        let logins = Logins { devices: (0..50).map(login).collect(), ended: Vec::new() };
        let all = commands(&logins, None, &State::default());
        all.into_iter().filter(|command| command["command"] == "createRole").collect()
    }

    /// As it is sent.
    fn size(request: &[Value]) -> usize {
        let mut request = request.to_vec();
        for command in &mut request {
            command["correlationData"] = json!(Uuid::nil().to_string());
        }
        json!({ "commands": request }).to_string().len()
    }

    #[test]
    fn no_request_is_larger_than_a_message_may_be() {
        for (neighbours, is_small) in [(2, true), (18, true), (60, false)] {
            let given = given(neighbours);
            assert_eq!(
                size(&given[1..=AT_ONCE]) <= MAX_PAYLOAD,
                is_small,
                "{neighbours}: {}",
                size(&given[1..=AT_ONCE])
            );
            let requests = requests(given.clone());
            assert!(
                requests
                    .iter()
                    .all(|request| request.len() <= AT_ONCE && size(request) <= MAX_PAYLOAD - 1024)
            );
            assert_eq!(requests.len() == given.len().div_ceil(AT_ONCE), is_small, "no more than are needed");
            assert_eq!(requests.concat(), given);
        }
        assert_eq!(requests(Vec::new()), Vec::<Vec<Value>>::new());
        let large = json!({ "command": "x".repeat(MAX_PAYLOAD) });
        assert_eq!(
            requests(vec![json!({}), large.clone(), json!({})]),
            [vec![json!({})], vec![large], vec![json!({})]]
        );
    }
}
