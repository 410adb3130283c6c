//! Services.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use strait_plane::model::{
    self, Addon, Environment, Network, POSTGRES_PORT, ServiceConnection, ServiceStatus, Wanted,
};
use utoipa::ToSchema;
use utoipa::openapi::schema::{Array, ArrayBuilder, Object, ObjectBuilder, SchemaType, Type};

use super::{Lists, Reason, Registration};
use crate::error::ApiError;
use crate::upkeep::word;

/// A PostgreSQL service.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Service {
    /// Its id, the first label of its names.
    #[schema(example = "kd9w2xp4mz")]
    pub(crate) service_id: String,
    /// The project that owns it.
    project_id: String,
    /// Its name, for people.
    pub(crate) name: String,
    /// Where it is.
    #[schema(example = "us-east-1")]
    region_code: String,
    /// What it is.
    service_type: ServiceType,
    /// When it was asked for.
    #[schema(value_type = String, format = DateTime)]
    created: Timestamp,
    /// When it changed last.
    #[schema(value_type = String, format = DateTime)]
    updated: Timestamp,
    /// How it is.
    #[schema(schema_with = status)]
    status: ServiceStatus,
    /// What it was asked to be.
    #[schema(schema_with = wanted)]
    wanted: Wanted,
    /// Tiger's list of what is set aside for it: nothing is, services share the machine.
    #[schema(value_type = Vec<Object>)]
    resources: [(); 0],
    /// What else is known of it.
    metadata: ServiceMetadata,
    /// What it has beside plain PostgreSQL.
    #[schema(schema_with = addons)]
    addons: BTreeSet<Addon>,
    /// From where it is reached.
    network: ServiceNetwork,
    /// From which addresses it is reached.
    allow_list: Lists,
    /// Where it is, if Strait did not make it.
    #[serde(skip_serializing_if = "Option::is_none")]
    registration: Option<Registration>,
    /// The stable name, and where it leads once a way is open.
    #[serde(skip_serializing_if = "Option::is_none")]
    endpoint: Option<Endpoint>,
    /// The way from the internet, while it is public.
    #[serde(skip_serializing_if = "Option::is_none")]
    public_endpoint: Option<PublicEndpoint>,
    /// The way through a Peering VPC, while it is private.
    #[serde(skip_serializing_if = "Option::is_none")]
    vpc_endpoint: Option<VpcEndpoint>,
    /// The same.
    #[serde(rename = "vpcEndpoint", skip_serializing_if = "Option::is_none")]
    #[schema(deprecated)]
    vpc_endpoint_by_its_former_name: Option<VpcEndpoint>,
    /// A line for `psql`, from where the service is reached.
    #[serde(skip_serializing_if = "Option::is_none")]
    connection: Option<String>,
    /// A line for `psql` on the machine that Strait runs on, while there is such a way.
    #[serde(skip_serializing_if = "Option::is_none")]
    local_connection: Option<String>,
    /// From where `connection` works.
    #[serde(skip_serializing_if = "Option::is_none")]
    connection_explanation: Option<String>,
    /// Why it is not as it should be.
    #[serde(skip_serializing_if = "Option::is_none")]
    error_message: Option<String>,
    /// The same with a code.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Reason>,
    /// What its operator should know, though nothing is wrong with it: open public sessions that Strait may not end.
    #[serde(skip_serializing_if = "Option::is_none")]
    notice: Option<String>,
    /// The operation that was asked for last.
    #[serde(skip_serializing_if = "Option::is_none")]
    operation_id: Option<String>,
}

impl Service {
    pub(crate) fn new(service: model::Service, connection: Option<ServiceConnection>) -> Self {
        let (connection, local_connection, connection_explanation) =
            connection.map_or((None, None, None), |lines| {
                (
                    Some(lines.dsn),
                    lines.dsn_from_here,
                    Some(in_our_words(&lines.explanation)),
                )
            });
        Self {
            service_id: service.service_id,
            project_id: service.project_id,
            name: service.name,
            region_code: service.region_code,
            service_type: match service.addons.contains(&Addon::TimeSeries) {
                true => ServiceType::TimescaleDb,
                false => ServiceType::Postgres,
            },
            created: service.created,
            updated: service.updated,
            status: service.status,
            wanted: service.wanted,
            resources: [],
            metadata: ServiceMetadata {
                environment: service.environment,
            },
            addons: service.addons,
            network: service.network.into(),
            allow_list: service.allow_lists.into(),
            registration: service.registration.map(Registration::from),
            endpoint: service.endpoint.map(Endpoint::from),
            public_endpoint: service.public_endpoint.map(PublicEndpoint::from),
            vpc_endpoint: service.vpc_endpoint.clone().map(VpcEndpoint::from),
            vpc_endpoint_by_its_former_name: service.vpc_endpoint.map(VpcEndpoint::from),
            connection,
            local_connection,
            connection_explanation,
            error_message: service.error_message,
            reason: service.reason.map(Reason::from),
            notice: service.notice,
            operation_id: service.operation_id,
        }
    }
}

impl Service {
    /// With the name that it will be reached by.
    pub(crate) fn reached_at(self, host: Option<String>) -> Self {
        let endpoint = host.map(|host| Endpoint {
            host,
            port: POSTGRES_PORT,
            address: None,
        });
        Self { endpoint, ..self }
    }
}

/// The plane's explanation, with the lines called as the API calls them.
fn in_our_words(explanation: &str) -> String {
    explanation
        .replace("`dsn_from_here`", "`local_connection`")
        .replace("`dsn`", "`connection`")
}

/// A new service, with its password this once.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CreatedService {
    #[serde(flatten)]
    pub(crate) service: Service,
    /// The password of `tsdbadmin`; only its SCRAM verifier is kept.
    #[schema(format = Password)]
    pub(crate) initial_password: String,
}

/// A message, and the service that it is about.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ServiceMessage {
    /// What will be done.
    pub(crate) message: String,
    /// The service as it is now.
    pub(crate) service: Service,
}

/// What a service is.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
enum ServiceType {
    /// PostgreSQL with TimescaleDB.
    TimescaleDb,
    /// PostgreSQL.
    Postgres,
}

/// What else is known of a service.
#[derive(Debug, Serialize, ToSchema)]
struct ServiceMetadata {
    /// What it is for.
    #[schema(schema_with = environment)]
    environment: Environment,
}

/// From where a service is reached: `public` or `vpc:ID`.
#[derive(Debug, Serialize, ToSchema)]
struct ServiceNetwork {
    /// What was asked for.
    #[schema(value_type = String, example = "vpc:1234567890")]
    wanted: Network,
    /// Where its names lead now.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "public")]
    now: Option<Network>,
    /// Whether both are the same and no other way is left open.
    settled: bool,
}

/// The stable name of a service.
#[derive(Debug, Serialize, ToSchema)]
struct Endpoint {
    /// The name.
    #[schema(example = "kd9w2xp4mz.rp1pz7uyae.db.strait.internal")]
    host: String,
    /// The port.
    #[schema(example = 5432)]
    port: u16,
    /// What the name answers now.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = Ipv4)]
    address: Option<Ipv4Addr>,
}

/// The way from the internet.
#[derive(Debug, Serialize, ToSchema)]
struct PublicEndpoint {
    /// The name of this way.
    host: String,
    /// The port.
    port: u16,
    /// What the name answers.
    #[schema(value_type = String, format = Ipv4)]
    address: Ipv4Addr,
    /// A port on 127.0.0.1 of the machine that Strait runs on, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    loopback_port: Option<u16>,
}

/// The way through a Peering VPC.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = VPCEndpoint)]
struct VpcEndpoint {
    /// The name of this way.
    host: String,
    /// The port.
    port: u16,
    /// The Peering VPC.
    #[schema(pattern = "^[0-9]+$")]
    vpc_id: String,
    /// The endpoint's private address.
    #[schema(value_type = String, format = Ipv4)]
    address: Ipv4Addr,
    /// The cloud's id of the endpoint.
    provisioned_id: String,
}

impl From<model::ServiceNetwork> for ServiceNetwork {
    fn from(network: model::ServiceNetwork) -> Self {
        Self {
            wanted: network.wanted,
            now: network.now,
            settled: network.settled,
        }
    }
}

impl From<model::Endpoint> for Endpoint {
    fn from(endpoint: model::Endpoint) -> Self {
        Self {
            host: endpoint.host,
            port: endpoint.port,
            address: Some(endpoint.address),
        }
    }
}

impl From<model::PublicEndpoint> for PublicEndpoint {
    fn from(endpoint: model::PublicEndpoint) -> Self {
        Self {
            host: endpoint.host,
            port: endpoint.port,
            address: endpoint.address,
            loopback_port: endpoint.loopback_port,
        }
    }
}

impl From<model::VpcEndpoint> for VpcEndpoint {
    fn from(endpoint: model::VpcEndpoint) -> Self {
        Self {
            host: endpoint.host,
            port: endpoint.port,
            vpc_id: endpoint.vpc_id,
            address: endpoint.address,
            provisioned_id: endpoint.provisioned_id,
        }
    }
}

/// A service to make. Fields of Tiger's that ask for what Strait has not are refused when they ask for it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ServiceCreate)]
pub(crate) struct ServiceInput {
    /// Its name; one is made up without it.
    pub(crate) name: Option<String>,
    /// Where: one of the Regions that `/regions` marks with `services`. Without it, where its Peering VPC is, or the first.
    #[schema(example = "us-east-1")]
    pub(crate) region_code: Option<String>,
    /// Its Peering VPC from the start, by id or name; public without one.
    pub(crate) vpc_id: Option<String>,
    /// What it is to have beside plain PostgreSQL, if the PostgreSQL here has it.
    #[serde(default)]
    #[schema(schema_with = addons)]
    addons: Vec<String>,
    /// Tiger's replicas: none can be had.
    replica_count: Option<u32>,
    /// Tiger's share of CPU: `shared`.
    cpu_millis: Option<String>,
    /// Tiger's share of memory: `shared`.
    memory_gbs: Option<String>,
    /// What it is for; `DEV` without it.
    #[schema(schema_with = environment_or_none, required = false)]
    environment_tag: Option<String>,
}

impl ServiceInput {
    /// Refuses what Strait cannot give, rather than leave it out in silence.
    pub(crate) fn check(&self) -> Result<(), ApiError> {
        if self.replica_count.is_some_and(|count| count > 0) {
            return Err(ApiError::Absent {
                what: "replicas",
                instead: "leave `replica_count` out, or use PostgreSQL's own logical replication into another service",
            });
        }
        for (field, value) in [
            ("cpu_millis", &self.cpu_millis),
            ("memory_gbs", &self.memory_gbs),
        ] {
            if value.as_deref().is_some_and(|value| value != "shared") {
                return refuse(
                    field,
                    "services share the machine: leave it out, or ask for \"shared\"",
                );
            }
        }
        Ok(())
    }

    /// What it is for.
    pub(crate) fn environment(&self) -> Result<Environment, ApiError> {
        let tag = self.environment_tag.as_deref();
        tag.map_or(Ok(Environment::default()), |tag| {
            word("environment_tag", tag)
        })
    }

    /// What it is to have beside plain PostgreSQL.
    pub(crate) fn addons(&self) -> Result<BTreeSet<Addon>, ApiError> {
        self.addons
            .iter()
            .map(|text| word("addons", text))
            .collect()
    }
}

fn refuse(field: &'static str, message: &str) -> Result<(), ApiError> {
    Err(ApiError::field(field, format!("{field}: {message}")))
}

/// Another password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = UpdatePasswordInput)]
pub(crate) struct ServicePasswordInput {
    /// 8 to 128 characters of ASCII.
    #[schema(format = Password, min_length = 8, max_length = 128)]
    pub(crate) password: String,
}

/// What a service is for.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SetEnvironmentInput)]
pub(crate) struct EnvironmentInput {
    /// Which.
    #[schema(schema_with = environment)]
    pub(crate) environment: String,
}

/// Which Peering VPC.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ServiceVPCInput)]
pub(crate) struct ServiceVpcInput {
    /// The Peering VPC, by id or name.
    #[schema(example = "1234567890")]
    pub(crate) vpc_id: String,
    /// How long the former way stays open beside the new one, in seconds: idle sessions end at once, others when their
    /// transaction does. Without it the former way is closed as soon as the new one is proved.
    #[serde(default)]
    #[schema(maximum = 3600, example = 30)]
    pub(crate) drain_seconds: u32,
}

fn status() -> Object {
    super::words(ServiceStatus::ALL.iter().map(|status| status.as_str()))
}

fn environment() -> Object {
    super::words(Environment::ALL.iter().map(|word| word.as_str()))
}

fn environment_or_none() -> Object {
    let words = Environment::ALL.iter().map(|word| Some(word.as_str()));
    ObjectBuilder::new()
        .schema_type(SchemaType::from_iter([Type::String, Type::Null]))
        .enum_values(Some(words.chain([None])))
        .build()
}

fn addons() -> Array {
    ArrayBuilder::new()
        .items(super::words(Addon::ALL.iter().map(|addon| addon.as_str())))
        .build()
}

fn wanted() -> Object {
    super::words(Wanted::ALL.iter().map(|wanted| wanted.as_str()))
}
