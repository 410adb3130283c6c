//! What requests say.

use async_graphql::{Enum, ID, InputObject};

/// A pair of keys.
#[derive(InputObject)]
pub(super) struct Credentials {
    /// The public key.
    pub(super) access_key: String,
    /// The secret key.
    pub(super) secret_key: String,
}

/// Names a service.
#[derive(InputObject)]
pub(super) struct TheService {
    pub(super) project_id: ID,
    pub(super) service_id: ID,
}

/// Names a Peering VPC by its name.
#[derive(InputObject)]
pub(super) struct ByName {
    pub(super) project_id: ID,
    pub(super) vpc_name: String,
}

/// Names a Peering VPC.
#[derive(InputObject)]
pub(super) struct TheVpc {
    pub(super) project_id: ID,
    pub(super) vpc_id: ID,
}

/// A Peering VPC to make.
#[derive(InputObject)]
pub(super) struct CreateVpc {
    pub(super) project_id: ID,
    pub(super) name: String,
    pub(super) cidr: String,
    pub(super) cloud_provider: CloudProvider,
    pub(super) region_code: String,
}

/// Another name for a Peering VPC.
#[derive(InputObject)]
pub(super) struct RenameVpc {
    pub(super) project_id: ID,
    pub(super) forge_vpc_id: ID,
    pub(super) new_name: String,
}

/// Whose cloud.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
pub(super) enum CloudProvider {
    /// Amazon's.
    Aws,
    /// Microsoft's.
    Azure,
}

/// A peering connection to ask for.
#[derive(InputObject)]
pub(super) struct OpenPeerRequest {
    pub(super) project_id: ID,
    pub(super) forge_vpc_id: ID,
    pub(super) peer_vpc: PeerVpcInput,
    pub(super) cloud_provider: CloudProvider,
}

/// The customer's side.
#[derive(InputObject)]
pub(super) struct PeerVpcInput {
    /// `vpc-…`
    pub(super) id: ID,
    pub(super) account_id: ID,
    pub(super) region_code: String,
    /// Nothing any more.
    #[graphql(default)]
    pub(super) cidr: String,
    /// Those of its ranges that may come in; all without any.
    pub(super) cidr_blocks: Option<Vec<String>>,
}

/// Names a peering connection.
#[derive(InputObject)]
pub(super) struct ThePeering {
    pub(super) project_id: ID,
    pub(super) vpc_id: ID,
    pub(super) id: ID,
}

/// Other ranges for a peering connection.
#[derive(InputObject)]
pub(super) struct PeeringCidrs {
    pub(super) project_id: ID,
    pub(super) forge_vpc_id: ID,
    pub(super) id: ID,
    pub(super) cidr_blocks: Vec<String>,
}

/// A service and the Peering VPC that it goes to or comes from.
#[derive(InputObject)]
pub(super) struct ServiceAndVpc {
    pub(super) project_id: ID,
    pub(super) service_id: ID,
    pub(super) vpc_id: ID,
}

/// A service to make.
#[derive(InputObject)]
pub(super) struct CreateService {
    pub(super) project_id: ID,
    pub(super) name: String,
    #[graphql(name = "type")]
    pub(super) kind: Type,
    pub(super) resource_config: Option<ResourceConfig>,
    pub(super) region_code: String,
    pub(super) vpc_id: Option<ID>,
    pub(super) fork_config: Option<ForkConfig>,
    pub(super) enable_connection_pooler: Option<bool>,
    pub(super) environment_tag: Option<ServiceEnvironment>,
}

/// What a service is.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(rename_items = "UPPERCASE")]
pub(super) enum Type {
    /// PostgreSQL with TimescaleDB, where the PostgreSQL here has it. The provider knows no other type, so that this one
    /// says nothing of what is wanted: elsewhere it is plain PostgreSQL.
    TimescaleDb,
    /// PostgreSQL.
    Postgres,
}

/// How large a service is to be. The numbers are text.
#[derive(InputObject)]
pub(super) struct ResourceConfig {
    #[graphql(name = "milliCPU")]
    pub(super) milli_cpu: Option<String>,
    #[graphql(name = "memoryGB")]
    pub(super) memory_gb: Option<String>,
    #[graphql(name = "storageGB")]
    pub(super) storage_gb: Option<String>,
    pub(super) replica_count: Option<String>,
    pub(super) synchronous_replica_count: Option<String>,
}

/// What a service is to be a copy of.
#[derive(InputObject)]
pub(super) struct ForkConfig {
    #[graphql(name = "projectID")]
    pub(super) project_id: ID,
    #[graphql(name = "serviceID")]
    pub(super) service_id: ID,
    pub(super) is_standby: bool,
}

/// What a service is for.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
pub(super) enum ServiceEnvironment {
    /// Development.
    Dev,
    /// Production.
    Prod,
}

/// Another name for a service.
#[derive(InputObject)]
pub(super) struct RenameService {
    pub(super) project_id: ID,
    pub(super) service_id: ID,
    pub(super) new_name: String,
}

/// Whether a service is to run.
#[derive(InputObject)]
pub(super) struct ToggleService {
    pub(super) project_id: ID,
    pub(super) service_id: ID,
    pub(super) status: Status,
}

/// Whether a service runs.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    /// It does.
    Active,
    /// It is stopped.
    Inactive,
}

/// Another password for a service.
#[derive(InputObject)]
pub(super) struct ResetPassword {
    pub(super) project_id: ID,
    pub(super) service_id: ID,
    pub(super) password: String,
    pub(super) password_type: PasswordType,
}

/// How a password is kept.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
pub(super) enum PasswordType {
    /// As a SCRAM-SHA-256 verifier.
    Scram,
    /// As an MD5 hash.
    Md5,
}

/// What a service is for.
#[derive(InputObject)]
pub(super) struct SetEnvironment {
    pub(super) project_id: ID,
    pub(super) service_id: ID,
    pub(super) environment: ServiceEnvironment,
}

/// Something of a service that is on or off.
#[derive(InputObject)]
pub(super) struct Toggle {
    pub(super) project_id: ID,
    pub(super) service_id: ID,
    pub(super) enable: bool,
}

/// Replicas of a service.
#[derive(InputObject)]
pub(super) struct SetReplicas {
    pub(super) project_id: ID,
    pub(super) service_id: ID,
    pub(super) replica_count: i32,
    pub(super) synchronous_replica_count: i32,
}

/// Another size for a service.
#[derive(InputObject)]
pub(super) struct Resize {
    pub(super) project_id: ID,
    pub(super) service_id: ID,
    pub(super) config: ResourceConfig,
}
