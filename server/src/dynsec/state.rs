//! What the broker's plugin for dynamic security knows, as it tells it; pure.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Clients and roles of the broker, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// Clients.
    pub clients: BTreeMap<String, Client>,
    /// Roles and what each allows.
    pub roles: BTreeMap<String, Vec<Acl>>,
}

/// A client of the broker.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Client {
    /// Its user name.
    pub username: String,
    /// Its name for people: says whether the server keeps it.
    #[serde(default)]
    pub textname: String,
    /// More about it: the credential that it has.
    #[serde(default)]
    pub textdescription: String,
    /// Whether it is kept out.
    #[serde(default)]
    pub disabled: bool,
    /// Its roles.
    #[serde(default)]
    pub roles: Vec<RoleName>,
}

/// Name of a role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleName {
    /// The name.
    pub rolename: String,
}

/// One right.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Acl {
    /// `publishClientSend`, `publishClientReceive`, `subscribeLiteral` or `subscribePattern`.
    pub acltype: String,
    /// Filter of topics.
    pub topic: String,
    /// The right with the greatest one decides.
    #[serde(default)]
    pub priority: i32,
    /// Whether it is allowed.
    pub allow: bool,
}

impl Client {
    /// Whether it has a role.
    pub fn has(&self, role: &str) -> bool {
        self.roles.iter().any(|own| own.rolename == role)
    }
}

/// An answer of the plugin to all commands of one request.
#[derive(Debug, Deserialize)]
pub(super) struct Answer {
    pub(super) responses: Vec<Response>,
}

/// Its answer to one command.
#[derive(Debug, Deserialize)]
pub(super) struct Response {
    #[serde(default)]
    pub(super) command: String,
    #[serde(rename = "correlationData", default)]
    pub(super) correlation: String,
    pub(super) error: Option<String>,
    #[serde(default)]
    pub(super) data: Page,
}

/// A part of a list.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Page {
    #[serde(default)]
    pub(super) clients: Vec<Client>,
    #[serde(default)]
    pub(super) roles: Vec<Role>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Role {
    pub(super) rolename: String,
    #[serde(default)]
    pub(super) acls: Vec<Acl>,
}
