//! Services that exist already.

use serde_json::json;

use super::Plane;
use crate::error::PlaneError;
use crate::model::{Action, Network, NewRegistration, Service, Wanted};
use crate::postgres;
use crate::store::services::{self, Insert, Origin};
use crate::store::{projects, tell_work};
use crate::{secret, validate};

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
        let id = secret::object_id();
        let name = match &new.name {
            Some(name) => validate::name(name)?,
            None => format!("db-{id}"),
        };
        let mut tx = self.pool().begin().await?;
        if !projects::lock(&mut tx, &project.id).await? {
            return Err(PlaneError::not_found("project", &project.id));
        }
        if let Some(twin) = services::registered_like(&mut *tx, &registration).await? {
            return Err(PlaneError::conflict(format!(
                "service {twin} has the same address, or the same security group or RDS instance as its public way; two services would open and close each other's. Give each a security group of its own"
            )));
        }
        let insert = Insert {
            id: &id,
            project: &project.id,
            name: &name,
            region: &region,
            origin: &Origin::Registered(registration),
            vpc: None,
        };
        services::insert(&mut *tx, &insert).await?;
        let asked = self.asked(Action::ServiceRegister, &project.id, &id, &name);
        let after = json!({ "name": name, "region_code": region, "network": Network::Public });
        let asked = asked.becomes(Wanted::Running, Some(&Network::Public));
        self.note(&mut tx, asked, json!({}), after).await?;
        tell_work(&mut *tx, "service", &id).await?;
        tx.commit().await?;
        self.service(&project.id, &id).await
    }
}
