//! Projects and quotas.

use super::{Named, Plane};
use crate::error::PlaneError;
use crate::model::{Bootstrap, Project, Quota, QuotaSetting};
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
        let name = validate::name(name)?;
        let mut tx = self.begin().await?;
        let project = projects::insert(&mut *tx, &secret::object_id(), &name).await?;
        tx.commit().await?;
        Ok(project)
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
        let name = validate::name(name)?;
        let mut tx = self.begin().await?;
        projects::rename(&mut *tx, &project.id, &name).await?;
        tx.commit().await?;
        self.project(&project.id).await
    }

    /// Deletes a project with its keys, unless it has services or Peering VPCs.
    pub async fn delete_project(&self, project: &str) -> Result<(), PlaneError> {
        let project = self.project(project).await?;
        let mut tx = self.begin().await?;
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

    /// A project's quotas and how much of each is used.
    pub async fn quotas(&self, project: &str) -> Result<Vec<QuotaSetting>, PlaneError> {
        let project = self.project(project).await?;
        let mut settings = Vec::new();
        for quota in Quota::ALL {
            settings.push(self.quota(&project.id, *quota).await?);
        }
        Ok(settings)
    }

    /// Sets a quota. One below what is used takes nothing away; it refuses what comes next.
    pub async fn set_quota(
        &self,
        project: &str,
        quota: Quota,
        limit: u32,
    ) -> Result<QuotaSetting, PlaneError> {
        let project = self.project(project).await?;
        let Ok(most) = i32::try_from(limit) else {
            return Err(PlaneError::invalid(
                "limit",
                format!("{limit} is too many; the most is {}", i32::MAX),
            ));
        };
        let mut tx = self.begin().await?;
        projects::set_quota(&mut *tx, &project.id, quota, most).await?;
        tx.commit().await?;
        self.quota(&project.id, quota).await
    }

    async fn quota(&self, project: &str, quota: Quota) -> Result<QuotaSetting, PlaneError> {
        Ok(QuotaSetting {
            quota,
            limit: projects::quota(self.pool(), project, quota).await?,
            used: projects::used(self.pool(), project, quota).await?,
        })
    }
}
