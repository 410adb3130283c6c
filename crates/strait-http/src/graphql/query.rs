//! What is read.

use async_graphql::{Context, ID, Object};
use strait_plane::model::Permission;

use super::inputs::{ByName, Credentials, TheService};
use super::objects::{Product, Service, Vpc};
use super::{Answered, Asker, Project, ROOT, TOKEN, missing, refused};

/// What the provider compares with, where there is no such VPC.
pub(super) const NO_VPC: &str = "target VPC does not exist";
/// The same of a service.
pub(super) const NO_SERVICE: &str = "no service with that id exists";

/// What is read.
pub(super) struct Query;

#[Object]
impl Query {
    /// A token that stands for a pair of keys, for a while.
    #[graphql(
        name = "getJWTForClientCredentials",
        complexity = "TOKEN + child_complexity"
    )]
    async fn token(&self, context: &Context<'_>, data: Credentials) -> Answered<String> {
        let plane = context.data::<Asker>()?.plane();
        let issued = plane.issue_token(&data.access_key, &data.secret_key).await;
        Ok(issued.map_err(refused)?.token)
    }

    /// What services there can be: one kind, in every Region.
    #[graphql(name = "orbProducts", complexity = "ROOT + child_complexity")]
    async fn products(&self, context: &Context<'_>, project_id: ID) -> Answered<Vec<Product>> {
        let project = see(context, &project_id).await?;
        Ok(vec![Product::the_one(project.plane.supported_regions())])
    }

    /// A project's services.
    #[graphql(complexity = "ROOT + child_complexity")]
    async fn get_all_services(
        &self,
        context: &Context<'_>,
        project_id: ID,
    ) -> Answered<Vec<Service>> {
        let project = see(context, &project_id).await?;
        let all = project.plane.list_services(&project.id).await;
        Ok(all
            .map_err(refused)?
            .into_iter()
            .map(Service::from)
            .collect())
    }

    /// A service.
    #[graphql(complexity = "ROOT + child_complexity")]
    async fn get_service(&self, context: &Context<'_>, data: TheService) -> Answered<Service> {
        let project = see(context, &data.project_id).await?;
        let found = project.plane.service(&project.id, &data.service_id).await;
        Ok(found.map_err(|error| missing(error, NO_SERVICE))?.into())
    }

    /// A project's Peering VPCs.
    #[graphql(complexity = "ROOT + child_complexity")]
    async fn get_all_vpcs(&self, context: &Context<'_>, project_id: ID) -> Answered<Vec<Vpc>> {
        let project = see(context, &project_id).await?;
        let all = project
            .plane
            .list_vpcs(&project.id)
            .await
            .map_err(refused)?;
        let mut shown = Vec::new();
        for vpc in all {
            shown.push(show_vpc(&project, vpc).await?);
        }
        Ok(shown)
    }

    /// A Peering VPC.
    #[graphql(complexity = "ROOT + child_complexity")]
    async fn get_vpc(&self, context: &Context<'_>, project_id: ID, vpc_id: ID) -> Answered<Vpc> {
        let project = see(context, &project_id).await?;
        let found = project.plane.vpc(&project.id, &vpc_id).await;
        show_vpc(&project, found.map_err(|error| missing(error, NO_VPC))?).await
    }

    /// A Peering VPC, by its name.
    #[graphql(complexity = "ROOT + child_complexity")]
    async fn get_vpc_by_name(&self, context: &Context<'_>, data: ByName) -> Answered<Vpc> {
        let project = see(context, &data.project_id).await?;
        let found = project.plane.vpc(&project.id, &data.vpc_name).await;
        show_vpc(&project, found.map_err(|error| missing(error, NO_VPC))?).await
    }
}

/// A Peering VPC with its peering connections.
pub(super) async fn show_vpc(project: &Project, vpc: strait_plane::model::Vpc) -> Answered<Vpc> {
    let peerings = project.plane.list_peerings(&project.id, &vpc.id).await;
    Ok(Vpc::new(vpc, peerings.map_err(refused)?))
}

async fn see(context: &Context<'_>, project: &ID) -> Answered<Project> {
    let asker = context.data::<Asker>()?;
    asker.project(project, Permission::See).await
}
