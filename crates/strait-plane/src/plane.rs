//! The plane's front: what its users may ask for.

use std::sync::Arc;
use std::time::Duration;

use sqlx::PgPool;

use crate::cloud::Cloud;
use crate::error::PlaneError;
use crate::model::*;
use crate::postgres::Postgres;

/// The control plane. Clones share it. Wherever an object is named, its id and its name both do.
#[derive(Clone)]
pub struct Plane {}

#[allow(unused_variables, clippy::unused_async, missing_docs)]
impl Plane {
    /// Brings the store up to date and starts the reconcilers.
    pub async fn start(pool: PgPool, cloud: Arc<dyn Cloud>, postgres: Arc<dyn Postgres>, domain: String) -> Result<Self, PlaneError> { todo!() }
    /// Stops the reconcilers after the step that each is in. What they left goes on at the next start.
    pub async fn shutdown(&self) { todo!() }
    pub fn domain(&self) -> &str { todo!() }
    pub fn supported_regions(&self) -> Vec<String> { todo!() }
    pub fn known_regions(&self) -> Vec<String> { todo!() }
    pub fn account(&self) -> String { todo!() }
    /// The certificate authority that signs services' certificates, PEM.
    pub fn authority(&self) -> String { todo!() }
    pub fn authority_path(&self) -> String { todo!() }

    pub async fn bootstrap(&self) -> Result<Bootstrap, PlaneError> { todo!() }
    /// Returns the project's id.
    pub async fn authenticate(&self, public_key: &str, secret_key: &str) -> Result<String, PlaneError> { todo!() }

    pub async fn create_project(&self, name: &str) -> Result<Project, PlaneError> { todo!() }
    pub async fn list_projects(&self) -> Result<Vec<Project>, PlaneError> { todo!() }
    pub async fn project(&self, project: &str) -> Result<Project, PlaneError> { todo!() }
    pub async fn rename_project(&self, project: &str, name: &str) -> Result<Project, PlaneError> { todo!() }
    pub async fn delete_project(&self, project: &str) -> Result<(), PlaneError> { todo!() }
    pub async fn create_key(&self, project: &str) -> Result<NewApiKey, PlaneError> { todo!() }
    pub async fn list_keys(&self, project: &str) -> Result<Vec<ApiKey>, PlaneError> { todo!() }
    pub async fn delete_key(&self, project: &str, public_key: &str) -> Result<(), PlaneError> { todo!() }
    pub async fn quotas(&self, project: &str) -> Result<Vec<QuotaSetting>, PlaneError> { todo!() }
    pub async fn set_quota(&self, project: &str, quota: Quota, limit: u32) -> Result<QuotaSetting, PlaneError> { todo!() }

    pub async fn create_vpc(&self, project: &str, new: NewVpc) -> Result<Vpc, PlaneError> { todo!() }
    pub async fn list_vpcs(&self, project: &str) -> Result<Vec<Vpc>, PlaneError> { todo!() }
    pub async fn vpc(&self, project: &str, vpc: &str) -> Result<Vpc, PlaneError> { todo!() }
    pub async fn rename_vpc(&self, project: &str, vpc: &str, name: &str) -> Result<Vpc, PlaneError> { todo!() }
    pub async fn delete_vpc(&self, project: &str, vpc: &str) -> Result<Vpc, PlaneError> { todo!() }

    pub async fn create_peering(&self, project: &str, vpc: &str, new: NewPeering) -> Result<Peering, PlaneError> { todo!() }
    pub async fn list_peerings(&self, project: &str, vpc: &str) -> Result<Vec<Peering>, PlaneError> { todo!() }
    pub async fn peering(&self, project: &str, vpc: &str, peering: &str) -> Result<Peering, PlaneError> { todo!() }
    pub async fn delete_peering(&self, project: &str, vpc: &str, peering: &str) -> Result<Peering, PlaneError> { todo!() }
    pub async fn customer_steps(&self, project: &str, vpc: &str, peering: &str) -> Result<CustomerGuide, PlaneError> { todo!() }

    pub async fn create_service(&self, project: &str, new: NewService) -> Result<CreatedService, PlaneError> { todo!() }
    pub async fn list_services(&self, project: &str) -> Result<Vec<Service>, PlaneError> { todo!() }
    pub async fn service(&self, project: &str, service: &str) -> Result<Service, PlaneError> { todo!() }
    pub async fn rename_service(&self, project: &str, service: &str, name: &str) -> Result<Service, PlaneError> { todo!() }
    pub async fn delete_service(&self, project: &str, service: &str) -> Result<Service, PlaneError> { todo!() }
    pub async fn start_service(&self, project: &str, service: &str) -> Result<Service, PlaneError> { todo!() }
    pub async fn stop_service(&self, project: &str, service: &str) -> Result<Service, PlaneError> { todo!() }
    pub async fn attach_service(&self, project: &str, service: &str, vpc: &str) -> Result<Service, PlaneError> { todo!() }
    /// `vpc`: the VPC that it must be attached to, if the caller says one.
    pub async fn detach_service(&self, project: &str, service: &str, vpc: Option<&str>) -> Result<Service, PlaneError> { todo!() }
    pub async fn service_connection(&self, project: &str, service: &str) -> Result<ServiceConnection, PlaneError> { todo!() }

    /// Waits until the object (by id) is as it was asked for, is gone, or fails.
    pub async fn settled(&self, object: &Object, timeout: Duration) -> Result<Settled, PlaneError> { todo!() }
}
