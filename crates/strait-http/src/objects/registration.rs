//! Services that exist already: what their operator says of them.

use std::collections::BTreeSet;

use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};
use strait_plane::model::{self, At, NewRegistration};
use utoipa::ToSchema;

use crate::error::ApiError;

/// Everybody: what a group's rule lets in that makes a service public.
const EVERYBODY: &str = "0.0.0.0/0";

/// A PostgreSQL to register.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ServiceRegister)]
pub(crate) struct RegistrationInput {
    /// Its name, for people; one is made up without it.
    name: Option<String>,
    /// Where it is: one of the Regions that `/regions` marks with `services`. May be left out where there is one only.
    #[schema(example = "eu-west-1")]
    region_code: Option<String>,
    /// Its address or DNS name, as it is reached inside its VPC. Either this or `rds_instance` or `load_balancer`.
    #[schema(example = "orders.c1abcdefghij.eu-west-1.rds.amazonaws.com")]
    host: Option<String>,
    /// It is this RDS instance: address, port, VPC and subnets are found.
    #[schema(example = "orders")]
    rds_instance: Option<String>,
    /// It is behind this network load balancer (its ARN), which is internal and has a TCP listener: address, port, VPC and
    /// subnets are found.
    load_balancer: Option<String>,
    /// Its port: 5432 without it, or the one that is found.
    port: Option<u16>,
    /// The VPC where it is; needed with `host`.
    #[schema(example = "vpc-0123456789abcdef0")]
    vpc_id: Option<String>,
    /// Subnets of that VPC, one a zone, where a load balancer for it may stand; needed with `host`.
    #[serde(default)]
    #[schema(example = json!(["subnet-0123456789abcdef0", "subnet-0fedcba9876543210"]))]
    subnet_ids: BTreeSet<String>,
    /// How the internet reaches it, and so what is closed when it is attached to a Peering VPC. There is no default.
    #[schema(required = true, nullable = false)]
    public_way: Option<PublicWay>,
    /// A file on Strait's servers with a connection string (libpq's), by which open public sessions are ended.
    #[schema(example = "/etc/strait/sessions/orders")]
    sessions_file: Option<String>,
}

impl RegistrationInput {
    /// What the plane is asked for, where these Regions are supported.
    pub(crate) fn asked(self, regions: &[String]) -> Result<NewRegistration, ApiError> {
        let region_code = match (self.region_code, regions) {
            (Some(region), _) => region,
            (None, [only]) => only.clone(),
            (None, _) => {
                let message = format!(
                    "region_code: say in which Region the service is, one of: {}",
                    regions.join(", ")
                );
                return Err(ApiError::field("region_code", message));
            }
        };
        let Some(public_way) = self.public_way else {
            return Err(ApiError::field("public_way", UNSAID));
        };
        Ok(NewRegistration {
            name: self.name,
            region_code,
            at: at(self.host, self.rds_instance, self.load_balancer)?,
            port: self.port,
            vpc_id: self.vpc_id,
            subnet_ids: self.subnet_ids,
            public_way: public_way.try_into()?,
            sessions_file: self.sessions_file,
        })
    }
}

/// The one thing by which a service is found.
fn at(
    host: Option<String>,
    rds_instance: Option<String>,
    load_balancer: Option<String>,
) -> Result<At, ApiError> {
    match (host, rds_instance, load_balancer) {
        (Some(host), None, None) => Ok(At::Host(host)),
        (None, Some(id), None) => Ok(At::Found(model::FoundBy::RdsInstance { id })),
        (None, None, Some(arn)) => Ok(At::Found(model::FoundBy::LoadBalancer { arn })),
        (None, None, None) => Err(ApiError::field(
            "host",
            "host: say where the service is: `host`, `rds_instance` or `load_balancer`",
        )),
        (_, Some(_), _) => Err(ApiError::field(
            "rds_instance",
            "rds_instance: give one of `host`, `rds_instance` and `load_balancer`, and not several",
        )),
        (_, _, Some(_)) => Err(ApiError::field(
            "load_balancer",
            "load_balancer: give one of `host`, `rds_instance` and `load_balancer`, and not several",
        )),
    }
}

/// A PostgreSQL that Strait did not make: where it is, and how its public way is closed.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Registration {
    /// Its address or DNS name inside its VPC.
    host: String,
    /// Its port.
    port: u16,
    /// By what these two were found, if nobody said them.
    #[serde(skip_serializing_if = "Option::is_none")]
    found_by: Option<FoundBy>,
    /// The VPC where it is.
    vpc_id: String,
    /// Subnets of that VPC where a load balancer for it may stand.
    subnet_ids: BTreeSet<String>,
    /// How its public way is closed and opened.
    public_way: PublicWay,
    /// The file on Strait's servers by which open public sessions are ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    sessions_file: Option<String>,
}

impl From<model::Registration> for Registration {
    fn from(registration: model::Registration) -> Self {
        Self {
            host: registration.host,
            port: registration.port,
            found_by: registration.found_by.map(FoundBy::from),
            vpc_id: registration.vpc_id,
            subnet_ids: registration.subnet_ids,
            public_way: registration.public_way.into(),
            sessions_file: registration.sessions_file,
        }
    }
}

/// What a registered service is at AWS.
#[derive(Debug, Serialize, ToSchema)]
#[serde(tag = "kind", rename_all = "kebab-case")]
enum FoundBy {
    /// An RDS instance.
    RdsInstance {
        /// Its identifier.
        id: String,
    },
    /// What is behind a network load balancer.
    LoadBalancer {
        /// Its ARN.
        arn: String,
    },
}

impl From<model::FoundBy> for FoundBy {
    fn from(by: model::FoundBy) -> Self {
        match by {
            model::FoundBy::RdsInstance { id } => Self::RdsInstance { id },
            model::FoundBy::LoadBalancer { arn } => Self::LoadBalancer { arn },
        }
    }
}

/// How a registered service is reached from the internet, and how that is closed.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
enum PublicWay {
    /// Nobody on the internet reaches it: there is nothing to close.
    None,
    /// A security group of its lets these ranges in on its port; these rules are taken away and restored.
    SecurityGroup {
        /// The group.
        #[schema(example = "sg-0123456789abcdef0")]
        group_id: String,
        /// The ranges that are the public way.
        #[serde(default = "everybody")]
        #[schema(default = json!([EVERYBODY]))]
        ranges: Vec<String>,
    },
    /// It is an RDS instance that is publicly accessible; that is switched off and on.
    RdsInstance {
        /// Its identifier.
        #[schema(example = "orders")]
        id: String,
    },
}

impl TryFrom<PublicWay> for model::PublicWay {
    type Error = ApiError;

    fn try_from(way: PublicWay) -> Result<Self, ApiError> {
        Ok(match way {
            PublicWay::None => Self::None,
            PublicWay::SecurityGroup { group_id, ranges } => Self::SecurityGroup {
                group_id,
                ranges: ranges
                    .iter()
                    .map(|text| range(text))
                    .collect::<Result<_, _>>()?,
            },
            PublicWay::RdsInstance { id } => Self::RdsInstance { id },
        })
    }
}

impl From<model::PublicWay> for PublicWay {
    fn from(way: model::PublicWay) -> Self {
        match way {
            model::PublicWay::None => Self::None,
            model::PublicWay::SecurityGroup { group_id, ranges } => Self::SecurityGroup {
                group_id,
                ranges: ranges.iter().map(ToString::to_string).collect(),
            },
            model::PublicWay::RdsInstance { id } => Self::RdsInstance { id },
        }
    }
}

/// A range as AWS keeps it: without host bits.
fn range(text: &str) -> Result<Ipv4Net, ApiError> {
    let Ok(net) = text.trim().parse::<Ipv4Net>() else {
        let message = format!(
            "public_way: {text:?} is no IPv4 CIDR block; give the ranges of the group's rule, as in {EVERYBODY}"
        );
        return Err(ApiError::field("public_way", message));
    };
    Ok(net.trunc())
}

fn everybody() -> Vec<String> {
    vec![EVERYBODY.to_owned()]
}

const UNSAID: &str = "public_way: say how the internet reaches it, because that is what an attachment closes: \
     {\"kind\": \"security-group\", \"group_id\": \"sg-…\"} if a rule of a security group lets it in, \
     {\"kind\": \"rds-instance\", \"id\": \"…\"} if it is an RDS instance that is publicly accessible, \
     {\"kind\": \"none\"} if nobody on the internet reaches it";
