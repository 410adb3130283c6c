//! The objects as the provider reads them. What it takes from one resource into another is never null.

use std::collections::BTreeSet;

use async_graphql::{Enum, ID, SimpleObject, Union};
use ipnet::Ipv4Net;
use strait_plane::model::{self, Addon, Environment, ServiceStatus};

use super::inputs::{ResourceConfig, Type};
use crate::error::ApiError;

/// The one size that services have here: they share the machine, and the provider wants numbers.
const MILLI_CPU: i32 = 500;
const MEMORY_GB: i32 = 2;
/// The user and the database of a service, as on Tiger.
const USER: &str = "tsdbadmin";
const DATABASE: &str = "tsdb";

/// A Peering VPC.
#[derive(SimpleObject)]
pub(super) struct Vpc {
    id: ID,
    provisioned_id: String,
    project_id: ID,
    cidr: String,
    name: String,
    region_code: String,
    status: String,
    error_message: String,
    created: String,
    updated: String,
    peering_connections: Vec<PeeringConnection>,
}

impl Vpc {
    pub(super) fn new(vpc: model::Vpc, peerings: Vec<model::Peering>) -> Self {
        let provisioned_id = vpc.provisioned_id.unwrap_or_default();
        Self {
            id: vpc.id.into(),
            project_id: vpc.project_id.into(),
            cidr: vpc.cidr.to_string(),
            name: vpc.name,
            region_code: vpc.region_code,
            status: vpc.status.to_string(),
            error_message: vpc.error_message.unwrap_or_default(),
            created: vpc.created.to_string(),
            updated: vpc.updated.to_string(),
            peering_connections: peerings
                .into_iter()
                .map(|peering| PeeringConnection::new(peering, &provisioned_id))
                .collect(),
            provisioned_id,
        }
    }
}

/// A peering connection.
#[derive(SimpleObject)]
pub(super) struct PeeringConnection {
    id: ID,
    /// The Peering VPC, by the cloud's id.
    vpc_id: ID,
    /// The provider's side's id of it.
    provisioned_id: String,
    /// The customer's side's id of it.
    accepter_provisioned_id: String,
    status: String,
    error_message: String,
    peer_vpc: PeerVpc,
}

/// The customer's side of a peering connection.
#[derive(SimpleObject)]
pub(super) struct PeerVpc {
    id: ID,
    account_id: ID,
    region_code: String,
    /// Nothing any more.
    cidr: String,
    /// Those of its ranges that may come in, sorted; none while they are not known.
    cidr_blocks: Vec<String>,
}

impl PeeringConnection {
    fn new(peering: model::Peering, vpc: &str) -> Self {
        let texts = |ranges: BTreeSet<Ipv4Net>| ranges.iter().map(ToString::to_string).collect();
        Self {
            id: peering.id.into(),
            vpc_id: vpc.into(),
            provisioned_id: peering.provisioned_id.unwrap_or_default(),
            accepter_provisioned_id: peering.accepter_provisioned_id.unwrap_or_default(),
            status: peering.status.to_string(),
            error_message: peering.error_message.unwrap_or_default(),
            peer_vpc: PeerVpc {
                id: peering.peer_vpc_id.into(),
                account_id: peering.peer_account_id.into(),
                region_code: peering.peer_region_code,
                cidr: String::new(),
                cidr_blocks: texts(peering.peer_cidr_blocks.unwrap_or(peering.peer_cidrs)),
            },
        }
    }
}

/// The id of a peering connection that was asked for.
#[derive(SimpleObject)]
pub(super) struct PeeringConnectionId {
    pub(super) id: ID,
}

/// A service at the one moment when its password is known.
#[derive(SimpleObject)]
pub(super) struct CreatedService {
    pub(super) initial_password: String,
    pub(super) service: Service,
}

/// A service.
#[derive(SimpleObject)]
pub(super) struct Service {
    id: ID,
    project_id: ID,
    name: String,
    #[graphql(name = "type")]
    kind: Type,
    created: String,
    status: String,
    replica_status: String,
    region_code: String,
    vpc_id: Option<ID>,
    spec: ServiceSpec,
    resources: Vec<Resource>,
    vpc_endpoint: Option<VpcEndpoint>,
    forked_from_id: Option<ForkSpec>,
    metadata: Metadata,
    data_tiering_settings: DataTiering,
    endpoints: Endpoints,
}

/// What a service is made of.
#[derive(Union)]
enum ServiceSpec {
    Postgres(TimescaleDbServiceSpec),
}

/// Where it is, and as whom one connects.
#[derive(SimpleObject)]
#[graphql(name = "TimescaleDBServiceSpec")]
struct TimescaleDbServiceSpec {
    hostname: String,
    username: String,
    port: i32,
    #[graphql(name = "defaultDBName")]
    default_db_name: String,
    pooler_host_name: String,
    pooler_port: i32,
    connection_pooler_enabled: bool,
    metric_exporter_uuid: Option<String>,
    #[graphql(name = "genericExporterID")]
    generic_exporter_id: Option<String>,
}

/// What a service is said to have.
#[derive(SimpleObject)]
struct Resource {
    id: ID,
    spec: ResourceSpec,
}

/// How large.
#[derive(Union)]
enum ResourceSpec {
    Node(ResourceNode),
}

/// The one size.
#[derive(SimpleObject)]
struct ResourceNode {
    #[graphql(name = "milliCPU")]
    milli_cpu: i32,
    #[graphql(name = "memoryGB")]
    memory_gb: i32,
    #[graphql(name = "storageGB")]
    storage_gb: i32,
    replica_count: i32,
    sync_replica_count: i32,
}

/// The way through a Peering VPC.
#[derive(SimpleObject)]
struct VpcEndpoint {
    host: String,
    port: i32,
    vpc_id: ID,
}

/// What a service is a copy of; none is.
#[derive(SimpleObject)]
struct ForkSpec {
    project_id: ID,
    service_id: ID,
    is_standby: bool,
}

/// What else is known of a service.
#[derive(SimpleObject)]
struct Metadata {
    environment: EnvironmentTag,
}

/// What a service is for.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
enum EnvironmentTag {
    Dev,
    Prod,
}

/// Whether old data is kept elsewhere; it never is.
#[derive(SimpleObject)]
struct DataTiering {
    enabled: bool,
}

/// Where a service is reached.
#[derive(SimpleObject)]
struct Endpoints {
    primary: Option<Endpoint>,
    replica: Option<Endpoint>,
    pooler: Option<Endpoint>,
}

/// A name and a port.
#[derive(SimpleObject)]
struct Endpoint {
    host: String,
    port: i32,
}

impl From<model::Service> for Service {
    fn from(service: model::Service) -> Self {
        // The provider reads where a service is as soon as it is ready.
        let is_moving = service.status == ServiceStatus::Ready && !service.network.settled;
        let status = if is_moving {
            ServiceStatus::Configuring
        } else {
            service.status
        };
        let (hostname, port) = service.endpoint.map_or((String::new(), 0), |endpoint| {
            (endpoint.host, i32::from(endpoint.port))
        });
        let primary = (!hostname.is_empty()).then(|| Endpoint {
            host: hostname.clone(),
            port,
        });
        Self {
            resources: vec![Resource {
                id: service.service_id.clone().into(),
                spec: ResourceSpec::Node(ResourceNode {
                    milli_cpu: MILLI_CPU,
                    memory_gb: MEMORY_GB,
                    storage_gb: 0,
                    replica_count: 0,
                    sync_replica_count: 0,
                }),
            }],
            id: service.service_id.into(),
            project_id: service.project_id.into(),
            name: service.name,
            kind: match service.addons.contains(&Addon::TimeSeries) {
                true => Type::TimescaleDb,
                false => Type::Postgres,
            },
            created: service.created.to_string(),
            status: status.to_string(),
            replica_status: String::new(),
            region_code: service.region_code,
            vpc_id: service.network.wanted.vpc().map(ID::from),
            spec: ServiceSpec::Postgres(TimescaleDbServiceSpec {
                hostname,
                username: USER.to_owned(),
                port,
                default_db_name: DATABASE.to_owned(),
                pooler_host_name: String::new(),
                pooler_port: 0,
                connection_pooler_enabled: false,
                metric_exporter_uuid: None,
                generic_exporter_id: None,
            }),
            vpc_endpoint: service.vpc_endpoint.map(|endpoint| VpcEndpoint {
                host: endpoint.host,
                port: i32::from(endpoint.port),
                vpc_id: endpoint.vpc_id.into(),
            }),
            forked_from_id: None,
            metadata: Metadata {
                environment: match service.environment {
                    Environment::Dev => EnvironmentTag::Dev,
                    Environment::Prod => EnvironmentTag::Prod,
                },
            },
            data_tiering_settings: DataTiering { enabled: false },
            endpoints: Endpoints {
                primary,
                replica: None,
                pooler: None,
            },
        }
    }
}

/// A kind of service.
#[derive(SimpleObject)]
pub(super) struct Product {
    id: ID,
    name: String,
    description: String,
    plans: Vec<Plan>,
}

/// A size of it, in a Region.
#[derive(SimpleObject)]
struct Plan {
    product_id: ID,
    region_code: String,
    price: f64,
    #[graphql(name = "milliCPU")]
    milli_cpu: i32,
    #[graphql(name = "memoryGB")]
    memory_gb: i32,
}

impl Product {
    /// All that there is.
    pub(super) fn the_one(regions: Vec<String>) -> Self {
        const ID: &str = "shared";
        Self {
            id: ID.into(),
            name: "PostgreSQL".to_owned(),
            description: "A PostgreSQL service; all share the machine that they run on.".to_owned(),
            plans: regions
                .into_iter()
                .map(|region_code| Plan {
                    product_id: ID.into(),
                    region_code,
                    price: 0.0,
                    milli_cpu: MILLI_CPU,
                    memory_gb: MEMORY_GB,
                })
                .collect(),
        }
    }
}

impl ResourceConfig {
    /// Refuses another size than the one that there is, and replicas.
    pub(super) fn check(&self) -> Result<(), ApiError> {
        // Storage grows as it is needed, on Tiger too: what is said of it means nothing.
        let Self {
            milli_cpu,
            memory_gb,
            storage_gb: _,
            replica_count,
            synchronous_replica_count,
        } = self;
        for (field, given, here) in [
            ("milliCPU", milli_cpu, MILLI_CPU),
            ("memoryGB", memory_gb, MEMORY_GB),
            ("replicaCount", replica_count, 0),
            ("synchronousReplicaCount", synchronous_replica_count, 0),
        ] {
            let given = given.as_deref().map(str::trim).unwrap_or_default();
            if given.is_empty() || given == here.to_string() {
                continue;
            }
            return Err(ApiError::field(
                field,
                format!(
                    "{field}: {given} is not to be had: services share the machine, without replicas, which is written as {MILLI_CPU} milliCPU and {MEMORY_GB} GB; ask for {here}, or leave it out"
                ),
            ));
        }
        Ok(())
    }
}
