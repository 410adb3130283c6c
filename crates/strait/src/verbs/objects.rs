//! What the verbs read of the API's objects. Programs get the objects whole, as the API gave them.

use serde::Deserialize;

#[derive(Debug, Deserialize)]
pub(super) struct Project {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) created: String,
    pub(super) public_key: Option<String>,
    pub(super) secret_key: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Service {
    pub(super) service_id: String,
    pub(super) name: String,
    pub(super) region_code: String,
    pub(super) status: String,
    pub(super) created: String,
    pub(super) network: Network,
    pub(super) allow_list: AllowedRanges,
    pub(super) registration: Option<Registration>,
    pub(super) endpoint: Option<Endpoint>,
    pub(super) public_endpoint: Option<Endpoint>,
    pub(super) vpc_endpoint: Option<Endpoint>,
    pub(super) connection: Option<String>,
    pub(super) local_connection: Option<String>,
    pub(super) error_message: Option<String>,
    pub(super) notice: Option<String>,
    pub(super) initial_password: Option<String>,
    pub(super) operation_id: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct AllowLists {
    pub(super) public: Option<Vec<AllowEntry>>,
    pub(super) private: Option<Vec<AllowEntry>>,
    pub(super) version: String,
    pub(super) in_effect: bool,
    pub(super) warnings: Vec<String>,
    pub(super) operation_id: Option<String>,
}

/// The lists as a service itself shows them.
#[derive(Debug, Deserialize)]
pub(super) struct AllowedRanges {
    pub(super) public: Option<Vec<AllowEntry>>,
    pub(super) private: Option<Vec<AllowEntry>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct AllowEntry {
    pub(super) cidr: String,
    pub(super) description: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Registration {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) found_by: Option<FoundBy>,
    pub(super) vpc_id: String,
    pub(super) subnet_ids: Vec<String>,
    pub(super) public_way: PublicWay,
    pub(super) sessions_file: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub(super) enum FoundBy {
    RdsInstance { id: String },
    LoadBalancer { arn: String },
}

#[derive(Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub(super) enum PublicWay {
    None,
    SecurityGroup {
        group_id: String,
        ranges: Vec<String>,
    },
    RdsInstance {
        id: String,
    },
}

#[derive(Debug, Deserialize)]
pub(super) struct Network {
    pub(super) wanted: String,
    pub(super) now: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Endpoint {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) address: Option<String>,
    pub(super) loopback_port: Option<u16>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Vpc {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) cidr: String,
    pub(super) region_code: String,
    pub(super) provisioned_id: Option<String>,
    pub(super) status: String,
    pub(super) created: String,
    pub(super) error_message: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Peering {
    pub(super) id: String,
    pub(super) vpc_id: String,
    pub(super) peer_account_id: String,
    pub(super) peer_vpc_id: String,
    pub(super) peer_region_code: String,
    pub(super) provisioned_id: Option<String>,
    pub(super) accepter_provisioned_id: Option<String>,
    pub(super) status: String,
    pub(super) state: String,
    pub(super) admitted: bool,
    pub(super) waiting_on: String,
    pub(super) next_action: Option<String>,
    pub(super) expires_at: Option<String>,
    pub(super) error_message: Option<String>,
    #[serde(default)]
    pub(super) peer_cidrs: Vec<String>,
    pub(super) created: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Guide {
    pub(super) requester: Requester,
    pub(super) peer_account_id: String,
    pub(super) peer_region_code: String,
    pub(super) peer_vpc_id: String,
    pub(super) steps: Vec<Step>,
    pub(super) undo: Vec<Step>,
    pub(super) iam_policy: serde_json::Value,
}

#[derive(Debug, Deserialize)]
pub(super) struct Requester {
    pub(super) account_id: String,
    pub(super) vpc_id: String,
    pub(super) region_code: String,
    pub(super) cidr: String,
    pub(super) peering_connection_id: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Step {
    pub(super) title: String,
    pub(super) explanation: String,
    pub(super) command: String,
    pub(super) optional: bool,
}

#[derive(Debug, Deserialize)]
pub(super) struct Quota {
    pub(super) quota: String,
    pub(super) limit: u32,
    pub(super) used: u32,
}

#[derive(Debug, Deserialize)]
pub(super) struct Region {
    pub(super) code: String,
    pub(super) services: bool,
}

#[derive(Debug, Deserialize)]
pub(super) struct Member {
    pub(super) email: String,
    pub(super) name: String,
    pub(super) role: String,
    pub(super) created: String,
}

#[derive(Deserialize)]
pub(super) struct Key {
    pub(super) public_key: String,
    pub(super) secret_key: Option<String>,
    pub(super) name: String,
    pub(super) role: String,
    pub(super) created_by: String,
    pub(super) last_used: Option<String>,
    pub(super) expires: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct User {
    pub(super) id: String,
    pub(super) email: String,
    pub(super) name: String,
    pub(super) has_password: bool,
    pub(super) disabled: bool,
    pub(super) last_login: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct LoginLink {
    pub(super) path: String,
    pub(super) expires: String,
    pub(super) user: User,
}

#[derive(Debug, Deserialize)]
pub(super) struct QuotaRequest {
    pub(super) id: String,
    pub(super) project_id: String,
    pub(super) project_name: String,
    pub(super) quota: String,
    pub(super) present: u32,
    pub(super) wanted: u32,
    pub(super) reason: String,
    pub(super) actor: String,
    pub(super) actor_name: Option<String>,
    pub(super) created: String,
    pub(super) state: String,
    pub(super) decided_by: Option<String>,
    pub(super) decided: Option<String>,
    pub(super) word: Option<String>,
    pub(super) granted: Option<u32>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Plan {
    pub(super) project_id: String,
    pub(super) plan: String,
    pub(super) trial_ends: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Usage {
    pub(super) project_id: String,
    pub(super) project_name: String,
    pub(super) plan: String,
    pub(super) trial_ends: String,
    pub(super) from: String,
    pub(super) until: String,
    pub(super) totals: Vec<UsageTotal>,
    pub(super) lines: Vec<UsageLine>,
}

#[derive(Debug, Deserialize)]
pub(super) struct UsageTotal {
    pub(super) resource: String,
    pub(super) count: usize,
    pub(super) hours: f64,
    pub(super) free_hours: f64,
    pub(super) billed_hours: f64,
}

#[derive(Debug, Deserialize)]
pub(super) struct UsageLine {
    pub(super) resource: String,
    pub(super) id: String,
    pub(super) name: String,
    pub(super) vpc_id: String,
    pub(super) hours: f64,
    pub(super) free_hours: f64,
    pub(super) billed_hours: f64,
}
