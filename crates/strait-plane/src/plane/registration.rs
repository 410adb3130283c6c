//! Services that exist already.

use std::collections::BTreeSet;

use sqlx::PgConnection;

use super::Plane;
use super::services::New;
use crate::cloud::CloudError;
use crate::error::PlaneError;
use crate::model::{
    At, Environment, FoundBy, NewRegistration, POSTGRES_PORT, Registration, Service,
};
use crate::store::services::{self, Origin};
use crate::{postgres, validate};

impl Plane {
    /// Takes on a PostgreSQL that exists. It is as public or private as it was until it is attached.
    pub async fn register_service(
        &self,
        project: &str,
        new: NewRegistration,
    ) -> Result<Service, PlaneError> {
        if self.context.postgres.origin() == postgres::Origin::Made {
            return Err(PlaneError::conflict(
                "this Strait makes its PostgreSQL services itself: `strait service create`; those that exist are \
                 registered where `[cloud] kind = \"aws\"`",
            ));
        }
        let project = self.project(project).await?;
        let region = validate::region(
            "region_code",
            new.region_code.trim(),
            &self.supported_regions(),
        )?;
        let (name, registration) = self.located(&region, new).await?;
        let registration = validate::registration(registration)?;
        let new = New {
            project: &project,
            region: &region,
            name: name.as_deref(),
            origin: Origin::Registered(registration),
            vpc: None,
            environment: Environment::default(),
            addons: &BTreeSet::new(),
            salt: None,
        };
        self.insert_service(new).await
    }

    /// Finds what the operator did not say of a service; its name is handed through.
    async fn located(
        &self,
        region: &str,
        new: NewRegistration,
    ) -> Result<(Option<String>, Registration), PlaneError> {
        let by = match new.at {
            At::Host(host) => {
                let Some(vpc_id) = new.vpc_id else {
                    return Err(PlaneError::invalid(
                        "vpc_id",
                        "none is given, and an address does not tell; give the VPC where the service is",
                    ));
                };
                let registration = Registration {
                    host,
                    port: new.port.unwrap_or(POSTGRES_PORT),
                    found_by: None,
                    vpc_id,
                    subnet_ids: new.subnet_ids,
                    public_way: new.public_way,
                    sessions_file: new.sessions_file,
                };
                return Ok((new.name, registration));
            }
            At::Found(by) => by,
        };
        validate::found_by(&by, region, &new.public_way)?;
        let cloud = &self.context.cloud;
        let found = cloud.find_service(region, &by, new.port).await;
        let found = found.map_err(|error| not_found(&by, error))?;
        if let Some(port) = new.port.filter(|port| *port != found.port) {
            return Err(PlaneError::invalid(
                "port",
                format!(
                    "it is {port}, and the service listens on {}; leave it out",
                    found.port
                ),
            ));
        }
        if let Some(vpc) = new.vpc_id.filter(|vpc| *vpc != found.vpc_id) {
            return Err(PlaneError::invalid(
                "vpc_id",
                format!(
                    "it is {vpc}, and the service is in {}; leave it out",
                    found.vpc_id
                ),
            ));
        }
        let registration = Registration {
            host: found.host,
            port: found.port,
            found_by: Some(by),
            vpc_id: found.vpc_id,
            subnet_ids: if new.subnet_ids.is_empty() {
                found.subnet_ids
            } else {
                new.subnet_ids
            },
            public_way: new.public_way,
            sessions_file: new.sessions_file,
        };
        Ok((new.name, registration))
    }
}

/// What the cloud says of a service that is named by what it is there.
fn not_found(by: &FoundBy, error: CloudError) -> PlaneError {
    let field = match by {
        FoundBy::RdsInstance { .. } => "rds_instance",
        FoundBy::LoadBalancer { .. } => "load_balancer",
    };
    match error {
        CloudError::Refused { message, .. } => PlaneError::invalid(field, message),
        CloudError::Temporary(message) | CloudError::InProgress(message) => {
            PlaneError::Unavailable { message }
        }
    }
}

/// Refuses what would open and close another service's public way.
pub(super) async fn no_twin(
    db: &mut PgConnection,
    registration: &Registration,
) -> Result<(), PlaneError> {
    let Some(twin) = services::registered_like(db, registration).await? else {
        return Ok(());
    };
    Err(PlaneError::conflict(format!(
        "service {twin} has the same address, or the same security group or RDS instance as its public way; two services would open and close each other's. Give each a security group of its own"
    )))
}
