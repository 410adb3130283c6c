//! Services that exist already.

use sqlx::PgConnection;

use super::Plane;
use super::services::New;
use crate::error::PlaneError;
use crate::model::{NewRegistration, Registration, Service};
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
        let registration = validate::registration(new.registration)?;
        let new = New {
            project: &project,
            region: &region,
            name: new.name.as_deref(),
            origin: Origin::Registered(registration),
            vpc: None,
        };
        self.insert_service(new).await
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
