//! Projects.

use super::{Named, Plane};
use crate::error::PlaneError;
use crate::keeper::Pair;
use crate::model::{Bootstrap, Deed, NewApiKey, NewKey, Project, Role};
use crate::store::{keys, projects, services, vpcs};
use crate::{secret, validate, wish};

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

    /// Makes a project and its first pair of keys; the secret is shown here only.
    pub async fn create_project_with_key(
        &self,
        name: &str,
    ) -> Result<(Project, NewApiKey), PlaneError> {
        let name = validate::name(name)?;
        let pair = Pair::new(&self.caller);
        let hash = secret::hash(pair.secret_key.clone()).await?;
        let new = NewKey::of(Role::Owner);
        let actor = &self.caller.actor;
        let mut tx = self.begin().await?;
        let project = projects::insert(&mut *tx, &secret::object_id(), &name).await?;
        let key = keys::insert(&mut *tx, &pair.public_key, &project.id, &hash, &new, actor).await?;
        let (deed, salt) = (Deed::ProjectCreate, pair.salt.as_deref());
        wish::done(&mut tx, &self.caller, None, deed, &pair.public_key, salt).await?;
        tx.commit().await?;
        let key = NewApiKey {
            key,
            secret_key: pair.secret_key,
        };
        Ok((project, key))
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
        self.take(&mut tx, &project).await?;
        projects::rename(&mut *tx, &project.id, &name).await?;
        self.done(&mut tx, &project, Deed::ProjectRename, &project.id)
            .await?;
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
}
