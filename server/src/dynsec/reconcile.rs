//! Which commands bring the broker's clients and roles to what they must be; pure.
//!
//! Only what bears the server's own mark is ever disabled or deleted: other users of the broker stay as they are.

use super::state::{Acl, State};
use crate::db::enrolment::BrokerLogin;
use flextraff_common::ids::DeviceId;
use flextraff_common::wire::topics::{agent_filters, agent_publishes, every_topic};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Role of the server itself.
const SERVER_ROLE: &str = "flextraff-server";
/// How the role of a device begins; its id follows.
const DEVICE_ROLE: &str = "flextraff-device-";
/// Name for people of a client that the server keeps.
const MARK: &str = "FlexTraff device";
/// Rights of a device go before what its role forbids.
const ALLOWED: i32 = 10;

fn role_of(device: DeviceId) -> String {
    format!("{DEVICE_ROLE}{device}")
}

fn acl(acltype: &str, topic: String, priority: i32, allow: bool) -> Acl {
    Acl { acltype: acltype.to_owned(), topic, priority, allow }
}

/// What a device may do: publish under its own junction and id, and read what comes down to it and what its neighbours tell each other.
fn rights_of(login: &BrokerLogin) -> Vec<Acl> {
    let BrokerLogin { device, junction, linked, .. } = login;
    let mut rights: Vec<Acl> = agent_publishes(*junction, *device)
        .into_iter()
        .map(|topic| acl("publishClientSend", topic, ALLOWED, true))
        .collect();
    for filter in agent_filters(*junction, *device, linked) {
        rights.push(acl("subscribeLiteral", filter.clone(), ALLOWED, true));
        rights.push(acl("publishClientReceive", filter, ALLOWED, true));
    }
    // A subscription that outlives its right brings nothing any more.
    rights.push(acl("publishClientReceive", "#".to_owned(), 0, false));
    rights.sort();
    rights
}

fn server_rights() -> Vec<Acl> {
    ["publishClientReceive", "publishClientSend", "subscribePattern"]
        .map(|kind| acl(kind, every_topic(), ALLOWED, true))
        .to_vec()
}

/// The commands, in the order in which they are to be carried out; none: everything is as it must be. `server` is the server's own user name.
pub fn commands(logins: &[BrokerLogin], server: Option<&str>, state: &State) -> Vec<Value> {
    let mut commands = Vec::new();
    set_role(SERVER_ROLE, &server_rights(), state, &mut commands);
    if let Some(name) = server
        && state.clients.get(name).is_some_and(|client| !client.has(SERVER_ROLE))
    {
        commands.push(json!({"command": "addClientRole", "username": name, "rolename": SERVER_ROLE}));
    }
    let known: BTreeMap<String, &BrokerLogin> =
        logins.iter().map(|login| (login.device.to_string(), login)).collect();
    for (name, login) in &known {
        match &login.credential {
            Some((credential, password)) => {
                let role = role_of(login.device);
                set_role(&role, &rights_of(login), state, &mut commands);
                set_client(name, &role, &credential.to_string(), password, state, &mut commands);
            }
            None => {
                if state.clients.get(name).is_some_and(|client| client.textname == MARK && !client.disabled) {
                    commands.push(json!({"command": "disableClient", "username": name}));
                }
            }
        }
    }
    for client in state.clients.values() {
        if client.textname == MARK && !known.contains_key(&client.username) {
            commands.push(json!({"command": "deleteClient", "username": client.username}));
        }
    }
    for role in state.roles.keys() {
        if role.strip_prefix(DEVICE_ROLE).is_some_and(|device| !known.contains_key(device)) {
            commands.push(json!({"command": "deleteRole", "rolename": role}));
        }
    }
    commands
}

fn set_role(role: &str, rights: &[Acl], state: &State, commands: &mut Vec<Value>) {
    let command = match state.roles.get(role) {
        None => "createRole",
        Some(there) => {
            let mut there = there.clone();
            there.sort();
            if there == rights {
                return;
            }
            "modifyRole"
        }
    };
    commands.push(json!({"command": command, "rolename": role, "acls": rights}));
}

fn set_client(
    name: &str,
    role: &str,
    credential: &str,
    password: &str,
    state: &State,
    commands: &mut Vec<Value>,
) {
    let whole = |command: &str| {
        json!({
            "command": command, "username": name, "password": password, "textname": MARK, "textdescription": credential,
            "roles": [{"rolename": role}],
        })
    };
    let Some(client) = state.clients.get(name) else {
        commands.push(whole("createClient"));
        return;
    };
    if client.textname != MARK || client.textdescription != credential || !client.has(role) {
        commands.push(whole("modifyClient"));
    }
    if client.disabled {
        commands.push(json!({"command": "enableClient", "username": name}));
    }
}

#[cfg(test)]
mod tests {
    use super::super::state::{Client, RoleName};
    use super::*;
    use flextraff_common::ids::JunctionId;
    use uuid::Uuid;

    fn login(device: u128, password: Option<&str>) -> BrokerLogin {
        BrokerLogin {
            device: DeviceId(Uuid::from_u128(device)),
            junction: JunctionId(Uuid::from_u128(1)),
            linked: vec![JunctionId(Uuid::from_u128(2))],
            credential: password.map(|password| (Uuid::from_u128(7), password.to_owned())),
        }
    }

    fn roles(names: &[&str]) -> Vec<RoleName> {
        names.iter().map(|name| RoleName { rolename: (*name).to_owned() }).collect()
    }

    fn client(name: &str, of: &[&str]) -> Client {
        Client { username: name.to_owned(), roles: roles(of), ..Client::default() }
    }

    /// The broker after it has carried out commands; only those that `commands` gives.
    fn obey(state: &mut State, commands: &[Value]) {
        for command in commands {
            let text = |field: &str| command[field].as_str().unwrap_or_default().to_owned();
            let (name, role) = (text("username"), text("rolename"));
            match command["command"].as_str().unwrap() {
                "createRole" | "modifyRole" => {
                    state.roles.insert(role, serde_json::from_value(command["acls"].clone()).unwrap());
                }
                "deleteRole" => {
                    state.roles.remove(&role);
                }
                "createClient" | "modifyClient" => {
                    let new: Client = serde_json::from_value(command.clone()).unwrap();
                    let disabled = state.clients.get(&name).is_some_and(|client| client.disabled);
                    state.clients.insert(name, Client { disabled, ..new });
                }
                "deleteClient" => {
                    state.clients.remove(&name);
                }
                "disableClient" | "enableClient" => {
                    let client = state.clients.get_mut(&name).unwrap();
                    client.disabled = command["command"] == "disableClient";
                }
                "addClientRole" => {
                    state.clients.get_mut(&name).unwrap().roles.push(RoleName { rolename: role });
                }
                other => panic!("{other} is no command"),
            }
        }
    }

    fn names(commands: &[Value]) -> Vec<String> {
        commands
            .iter()
            .map(|command| {
                let on = [&command["username"], &command["rolename"]]
                    .map(|name| name.as_str().unwrap_or_default());
                format!("{} {}", command["command"].as_str().unwrap(), on.concat())
            })
            .collect()
    }

    fn id(device: u128) -> String {
        Uuid::from_u128(device).to_string()
    }

    #[test]
    fn an_empty_broker_gets_everything_and_then_nothing_more() {
        let mut state = State::default();
        state.clients.insert("server".into(), client("server", &["admin"]));
        let logins = [login(5, Some("secret")), login(6, None)];
        let given = commands(&logins, Some("server"), &state);
        let role = role_of(DeviceId(Uuid::from_u128(5)));
        assert_eq!(
            names(&given),
            [
                format!("createRole {SERVER_ROLE}"),
                format!("addClientRole server{SERVER_ROLE}"),
                format!("createRole {role}"),
                format!("createClient {}", id(5)),
            ]
        );
        obey(&mut state, &given);
        assert_eq!(commands(&logins, Some("server"), &state), Vec::<Value>::new());
    }

    #[test]
    fn revocation_new_credentials_new_links_and_deletion_are_followed_and_strangers_stay() {
        let mut state = State::default();
        state.clients.insert("stranger".into(), client("stranger", &["flextraff-device-x-not-ours"]));
        state.roles.insert("theirs".into(), Vec::new());
        let given = commands(&[login(5, Some("old"))], None, &state);
        obey(&mut state, &given);
        let next = |state: &mut State, logins: &[BrokerLogin]| {
            let given = commands(logins, None, state);
            obey(state, &given);
            assert_eq!(commands(logins, None, state), Vec::<Value>::new());
            names(&given)
        };
        assert_eq!(next(&mut state, &[login(5, None)]), [format!("disableClient {}", id(5))]);
        let mut again = login(5, Some("new"));
        again.credential = Some((Uuid::from_u128(8), "new".into()));
        assert_eq!(
            next(&mut state, std::slice::from_ref(&again)),
            [format!("modifyClient {}", id(5)), format!("enableClient {}", id(5))]
        );
        again.linked.clear();
        assert_eq!(
            next(&mut state, std::slice::from_ref(&again)),
            [format!("modifyRole {}", role_of(again.device))]
        );
        assert_eq!(
            next(&mut state, &[]),
            [format!("deleteClient {}", id(5)), format!("deleteRole {}", role_of(again.device))]
        );
        assert!(state.clients.contains_key("stranger") && state.roles.contains_key("theirs"));
    }

    #[test]
    fn a_device_has_the_rights_of_its_junction_and_no_other() {
        let rights = rights_of(&login(5, Some("secret")));
        let may = |kind: &str, topic: &str| {
            rights
                .iter()
                .filter(|right| {
                    right.acltype == kind && flextraff_common::wire::topics::matches(&right.topic, topic)
                })
                .max_by_key(|right| right.priority)
                .is_some_and(|right| right.allow)
        };
        let (own, linked, other) = (id(1), id(2), id(3));
        for (kind, topic, expected) in [
            ("publishClientSend", format!("flextraff/{own}/{}/car-counts", id(9)), true),
            ("publishClientSend", format!("flextraff/{own}/status/{}", id(5)), true),
            ("publishClientSend", format!("flextraff/{own}/status/{}", id(6)), false),
            ("publishClientSend", format!("flextraff/{own}/green-time"), false),
            ("publishClientSend", format!("flextraff/{linked}/demand"), false),
            ("publishClientReceive", format!("flextraff/{own}/keys/{}", id(5)), true),
            ("publishClientReceive", format!("flextraff/{own}/keys/{}", id(6)), false),
            ("publishClientReceive", format!("flextraff/{linked}/demand"), true),
            ("publishClientReceive", format!("flextraff/{other}/demand"), false),
            ("subscribeLiteral", format!("flextraff/{linked}/signal"), true),
            ("subscribeLiteral", format!("flextraff/{linked}/green-time"), false),
            ("subscribePattern", "flextraff/#".to_owned(), false),
        ] {
            assert_eq!(may(kind, &topic), expected, "{kind} {topic}");
        }
    }
}
