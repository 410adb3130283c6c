//! Projects.

use super::{Named, Plane};
use crate::error::PlaneError;
use crate::model::{Bootstrap, Project};
use crate::store::{projects, services, vpcs};
use crate::{secret, validate};

impl Named for Project {
    const KIND: &'static str = "project";

    fn id(&self) -> &str {
        &self.id
    }

    fn provisioned_id(&self) -> Option<&str> {
        None
    }

    fn is_leaving(&self) -> bool {
        false
    }
}

impl Plane {
    /// Makes the first project with a pair of keys, if there is no project yet; the secret is shown here only.
    pub async fn bootstrap(&self) -> Result<Bootstrap, PlaneError> {
        self.keeper().bootstrap("first").await
    }

    /// Makes a project, without keys.
    pub async fn create_project(&self, name: &str) -> Result<Project, PlaneError> {
        projects::insert(self.pool(), &secret::object_id(), &validate::name(name)?).await
    }

    /// All projects, oldest first.
    pub async fn list_projects(&self) -> Result<Vec<Project>, PlaneError> {
        projects::list(self.pool()).await
    }

    /// One project.
    pub async fn project(&self, project: &str) -> Result<Project, PlaneError> {
        self.keeper().project(project).await
    }

    /// Gives a project another name.
    pub async fn rename_project(&self, project: &str, name: &str) -> Result<Project, PlaneError> {
        let project = self.project(project).await?;
        projects::rename(self.pool(), &project.id, &validate::name(name)?).await?;
        self.project(&project.id).await
    }

    /// Deletes a project with its keys, unless it has services or Peering VPCs.
    pub async fn delete_project(&self, project: &str) -> Result<(), PlaneError> {
        let project = self.project(project).await?;
        let mut tx = self.pool().begin().await?;
        if !projects::lock(&mut tx, &project.id).await? {
            return Ok(());
        }
        let services = services::list(&mut *tx, &project.id).await?;
        let vpcs = vpcs::list(&mut *tx, &project.id).await?;
        let users: Vec<String> = services
            .iter()
            .map(|service| format!("service {} ({:?})", service.id, service.name))
            .chain(
                vpcs.iter()
                    .map(|vpc| format!("VPC {} ({:?})", vpc.id, vpc.name)),
            )
            .collect();
        if !users.is_empty() {
            return Err(PlaneError::conflict(format!(
                "project {} still has {}; delete these first",
                project.id,
                users.join(", ")
            )));
        }
        projects::delete(&mut *tx, &project.id).await?;
        tx.commit().await?;
        Ok(())
    }
}
