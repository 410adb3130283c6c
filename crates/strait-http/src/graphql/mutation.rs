//! What is changed.

use std::collections::BTreeSet;

use async_graphql::{Context, Error, ID, Object};
use strait_plane::model::{
    Addon, Environment, Network, NewPeering, NewService, NewVpc, OperationState, PeeringState,
    Permission, ServiceStatus,
};
use strait_plane::{ErrorKind, PlaneError};

use super::inputs::{
    CloudProvider, CreateService, CreateVpc, OpenPeerRequest, PasswordType, PeeringCidrs,
    RenameService, RenameVpc, ResetPassword, Resize, ServiceAndVpc, ServiceEnvironment,
    SetEnvironment, SetReplicas, Status, ThePeering, TheService, TheVpc, Toggle, ToggleService,
    Type,
};
use super::objects::{CreatedService, PeeringConnectionId, Service, Vpc};
use super::query::{NO_SERVICE, NO_VPC, show_vpc};
use super::{Answered, Asker, Project, ROOT, missing, refused};
use crate::error::ApiError;
use crate::services::region_of;

/// What is changed.
pub(super) struct Mutation;

#[Object]
impl Mutation {
    /// Makes a Peering VPC.
    #[graphql(complexity = "ROOT + child_complexity")]
    async fn create_vpc(&self, context: &Context<'_>, data: CreateVpc) -> Answered<Vpc> {
        let project = networks(context, &data.project_id).await?;
        on_aws(data.cloud_provider)?;
        let new = NewVpc {
            name: Some(data.name),
            cidr: data.cidr,
            region_code: data.region_code,
        };
        let made = project.plane.create_vpc(&project.id, new).await;
        show_vpc(&project, made.map_err(refused)?).await
    }

    /// Renames a Peering VPC.
    #[graphql(complexity = "ROOT + child_complexity")]
    async fn rename_vpc(&self, context: &Context<'_>, data: RenameVpc) -> Answered<bool> {
        let project = networks(context, &data.project_id).await?;
        let renamed = (project.plane)
            .rename_vpc(&project.id, &data.forge_vpc_id, &data.new_name)
            .await;
        renamed.map_err(|error| missing(error, NO_VPC))?;
        Ok(true)
    }

    /// Deletes a Peering VPC that nothing uses any more.
    #[graphql(complexity = "ROOT + child_complexity")]
    async fn delete_vpc(&self, context: &Context<'_>, data: TheVpc) -> Answered<bool> {
        let project = networks(context, &data.project_id).await?;
        let deleted = project
            .plane
            .delete_vpc(&project.id, &data.vpc_id, false)
            .await;
        match deleted {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == ErrorKind::Conflict => {
                Err(busy(&project, &data.vpc_id, error).await?)
            }
            Err(error) => Err(missing(error, NO_VPC)),
        }
    }

    /// Asks a customer for a peering connection.
    #[graphql(complexity = "ROOT + child_complexity")]
    async fn open_peer_request(
        &self,
        context: &Context<'_>,
        data: OpenPeerRequest,
    ) -> Answered<PeeringConnectionId> {
        let project = networks(context, &data.project_id).await?;
        on_aws(data.cloud_provider)?;
        if data.peer_vpc.id.starts_with("tgw-") {
            return Err(refused(ApiError::Absent {
                what: "peering connections with transit gateways",
                instead: "peer with the customer's VPC (`peer_vpc_id`)",
            }));
        }
        let new = NewPeering {
            peer_account_id: data.peer_vpc.account_id.0,
            peer_vpc_id: data.peer_vpc.id.0,
            peer_region_code: data.peer_vpc.region_code,
            peer_cidr_blocks: data.peer_vpc.cidr_blocks.unwrap_or_default(),
        };
        let asked = project
            .plane
            .create_peering(&project.id, &data.forge_vpc_id, new)
            .await;
        let id = asked.map_err(|error| missing(error, NO_VPC))?.id.into();
        Ok(PeeringConnectionId { id })
    }

    /// Says which of a customer's ranges may come in.
    #[graphql(
        name = "updatePeeringConnectionCIDRs",
        complexity = "ROOT + child_complexity"
    )]
    async fn update_peering_cidrs(
        &self,
        context: &Context<'_>,
        data: PeeringCidrs,
    ) -> Answered<bool> {
        let project = networks(context, &data.project_id).await?;
        let set = (project.plane)
            .set_peering_ranges(&project.id, &data.forge_vpc_id, &data.id, &data.cidr_blocks)
            .await;
        set.map_err(refused)?;
        Ok(true)
    }

    /// Takes a peering connection away.
    #[graphql(complexity = "ROOT + child_complexity")]
    async fn delete_peering_connection(
        &self,
        context: &Context<'_>,
        data: ThePeering,
    ) -> Answered<bool> {
        let project = networks(context, &data.project_id).await?;
        let deleted = project
            .plane
            .delete_peering(&project.id, &data.vpc_id, &data.id)
            .await;
        deleted.map_err(refused)?;
        Ok(true)
    }

    /// Makes a service.
    #[graphql(complexity = "ROOT + child_complexity")]
    async fn create_service(
        &self,
        context: &Context<'_>,
        data: CreateService,
    ) -> Answered<CreatedService> {
        let project = services(context, &data.project_id).await?;
        data.check().map_err(refused)?;
        let region = Some(data.region_code).filter(|region| !region.trim().is_empty());
        let vpc = data.vpc_id.map(|id| id.0);
        let new = NewService {
            name: Some(data.name),
            region_code: region_of(
                &project.plane,
                &project.id,
                region.as_deref(),
                vpc.as_deref(),
            )
            .await
            .map_err(refused)?,
            vpc,
            environment: data
                .environment_tag
                .map(Environment::from)
                .unwrap_or_default(),
            addons: match data.kind {
                Type::TimescaleDb => (project.plane.addons())
                    .intersection(&BTreeSet::from([Addon::TimeSeries]))
                    .copied()
                    .collect(),
                Type::Postgres => BTreeSet::new(),
            },
        };
        let made = project.plane.create_service(&project.id, new).await;
        let made = made.map_err(refused)?;
        Ok(CreatedService {
            initial_password: made.initial_password,
            service: made.service.into(),
        })
    }

    /// Renames a service.
    #[graphql(complexity = "ROOT + child_complexity")]
    async fn rename_service(&self, context: &Context<'_>, data: RenameService) -> Answered<bool> {
        let project = services(context, &data.project_id).await?;
        let renamed = (project.plane)
            .rename_service(&project.id, &data.service_id, &data.new_name)
            .await;
        renamed.map_err(|error| missing(error, NO_SERVICE))?;
        Ok(true)
    }

    /// Starts or stops a service.
    #[graphql(complexity = "ROOT + child_complexity")]
    async fn toggle_service(
        &self,
        context: &Context<'_>,
        data: ToggleService,
    ) -> Answered<Service> {
        let project = services(context, &data.project_id).await?;
        let (plane, id) = (&project.plane, &data.service_id);
        let toggled = match data.status {
            Status::Active => plane.start_service(&project.id, id).await,
            Status::Inactive => plane.stop_service(&project.id, id).await,
        };
        Ok(toggled.map_err(|error| missing(error, NO_SERVICE))?.into())
    }

    /// Deletes a service with its data.
    #[graphql(complexity = "ROOT + child_complexity")]
    async fn delete_service(&self, context: &Context<'_>, data: TheService) -> Answered<Service> {
        let project = services(context, &data.project_id).await?;
        let deleted = (project.plane)
            .delete_service(&project.id, &data.service_id)
            .await;
        Ok(deleted.map_err(|error| missing(error, NO_SERVICE))?.into())
    }

    /// Moves a service into a Peering VPC.
    #[graphql(complexity = "ROOT + child_complexity")]
    async fn attach_service_to_vpc(
        &self,
        context: &Context<'_>,
        data: ServiceAndVpc,
    ) -> Answered<bool> {
        let project = services(context, &data.project_id).await?;
        let moved = (project.plane)
            .attach_service(&project.id, &data.service_id, &data.vpc_id, 0)
            .await;
        moved.map_err(refused)?;
        Ok(true)
    }

    /// Moves a service out of a Peering VPC.
    #[graphql(complexity = "ROOT + child_complexity")]
    async fn detach_service_from_vpc(
        &self,
        context: &Context<'_>,
        data: ServiceAndVpc,
    ) -> Answered<bool> {
        let project = services(context, &data.project_id).await?;
        let moved = (project.plane)
            .detach_service(&project.id, &data.service_id, Some(&data.vpc_id), 0)
            .await;
        moved.map_err(refused)?;
        Ok(true)
    }

    /// Gives a service's administrator another password.
    #[graphql(complexity = "ROOT + child_complexity")]
    async fn reset_service_password(
        &self,
        context: &Context<'_>,
        data: ResetPassword,
    ) -> Answered<bool> {
        let project = services(context, &data.project_id).await?;
        if data.password_type == PasswordType::Md5 {
            return Err(refused(ApiError::Absent {
                what: "passwords kept as MD5 hashes",
                instead: "SCRAM is what PostgreSQL has for it (`passwordType: SCRAM`)",
            }));
        }
        let set = (project.plane)
            .set_service_password(&project.id, &data.service_id, &data.password)
            .await;
        let operation = set.map_err(|error| missing(error, NO_SERVICE))?;
        match operation.state {
            OperationState::Queued | OperationState::Running | OperationState::Succeeded => {
                Ok(true)
            }
            OperationState::Failed | OperationState::Cancelled => {
                let reason = operation.reason.map(|reason| reason.message);
                let message = reason.unwrap_or_else(|| {
                    format!(
                        "the password was not set: operation {} is {}",
                        operation.id, operation.state
                    )
                });
                Err(refused(PlaneError::Conflict { message }))
            }
        }
    }

    /// Says what a service is for.
    #[graphql(complexity = "ROOT + child_complexity")]
    async fn set_service_environment_tag(
        &self,
        context: &Context<'_>,
        data: SetEnvironment,
    ) -> Answered<bool> {
        let project = services(context, &data.project_id).await?;
        let environment = Environment::from(data.environment);
        let set = (project.plane)
            .set_service_environment(&project.id, &data.service_id, environment)
            .await;
        set.map_err(|error| missing(error, NO_SERVICE))?;
        Ok(true)
    }

    /// Refuses another size than the one that there is.
    #[graphql(complexity = "ROOT + child_complexity")]
    async fn resize_instance(&self, context: &Context<'_>, data: Resize) -> Answered<bool> {
        known(context, &data.project_id, &data.service_id).await?;
        data.config.check().map_err(refused)?;
        Ok(true)
    }

    /// Refuses replicas: there are none.
    #[graphql(complexity = "ROOT + child_complexity")]
    async fn set_replica_count(&self, context: &Context<'_>, data: SetReplicas) -> Answered<bool> {
        known(context, &data.project_id, &data.service_id).await?;
        let wanted = data.replica_count != 0 || data.synchronous_replica_count != 0;
        off(
            wanted,
            "replicas",
            "ask for 0, or use PostgreSQL's own logical replication into another service",
        )
    }

    /// Refuses a connection pooler: there is none.
    #[graphql(complexity = "ROOT + child_complexity")]
    async fn toggle_connection_pooler(
        &self,
        context: &Context<'_>,
        data: Toggle,
    ) -> Answered<bool> {
        known(context, &data.project_id, &data.service_id).await?;
        off(data.enable, "connection poolers", OWN_POOLER)
    }

    /// Refuses to keep old data elsewhere.
    #[graphql(complexity = "ROOT + child_complexity")]
    async fn toggle_data_tiering(&self, context: &Context<'_>, data: Toggle) -> Answered<bool> {
        known(context, &data.project_id, &data.service_id).await?;
        off(
            data.enable,
            "tiers of storage",
            "all data stays on the machine's disk",
        )
    }
}

const OWN_POOLER: &str = "run one of your own beside the clients, PgBouncer for instance";

impl CreateService {
    /// Refuses what Strait cannot give.
    fn check(&self) -> Result<(), ApiError> {
        if let Some(config) = &self.resource_config {
            config.check()?;
        }
        if self.enable_connection_pooler == Some(true) {
            return Err(ApiError::Absent {
                what: "connection poolers",
                instead: OWN_POOLER,
            });
        }
        let Some(fork) = &self.fork_config else {
            return Ok(());
        };
        Err(ApiError::field(
            "forkConfig",
            format!(
                "forkConfig: there are no {} of services here ({} of project {}); make a service and copy the data with pg_dump and pg_restore",
                match fork.is_standby {
                    true => "read replicas",
                    false => "forks",
                },
                fork.service_id.as_str(),
                fork.project_id.as_str(),
            ),
        ))
    }
}

impl From<ServiceEnvironment> for Environment {
    fn from(environment: ServiceEnvironment) -> Self {
        match environment {
            ServiceEnvironment::Dev => Self::Dev,
            ServiceEnvironment::Prod => Self::Prod,
        }
    }
}

fn on_aws(provider: CloudProvider) -> Answered<()> {
    match provider {
        CloudProvider::Aws => Ok(()),
        CloudProvider::Azure => Err(refused(ApiError::Absent {
            what: "Peering VPCs on Azure",
            instead: "take a Region of AWS's",
        })),
    }
}

/// What stands in the way of deleting a VPC. If that is only what is going already, it says so in the words that have
/// the provider try again.
async fn busy(project: &Project, vpc: &ID, error: PlaneError) -> Answered<Error> {
    let vpc = project.plane.vpc(&project.id, vpc).await.map_err(refused)?;
    let network = Network::Vpc(vpc.id.clone());
    let services = project.plane.list_services(&project.id).await;
    let stays = services.map_err(refused)?.iter().any(|service| {
        service.network.wanted == network && service.status != ServiceStatus::Deleting
    });
    let peerings = project.plane.list_peerings(&project.id, &vpc.id).await;
    let peered = (peerings.map_err(refused)?.iter())
        .any(|peering| !peering.state.has_ended() && peering.state != PeeringState::Deleting);
    let mut refusal = refused(error);
    if !stays && !peered {
        refusal.message = format!("the VPC is already being updated: {}", refusal.message);
    }
    Ok(refusal)
}

fn off(wanted: bool, what: &'static str, instead: &'static str) -> Answered<bool> {
    match wanted {
        true => Err(refused(ApiError::Absent { what, instead })),
        false => Ok(true),
    }
}

async fn known(context: &Context<'_>, project: &ID, service: &ID) -> Answered<()> {
    let project = services(context, project).await?;
    let found = project.plane.service(&project.id, service).await;
    found.map_err(|error| missing(error, NO_SERVICE))?;
    Ok(())
}

async fn networks(context: &Context<'_>, project: &ID) -> Answered<Project> {
    let asker = context.data::<Asker>()?;
    asker.project(project, Permission::ManageNetworks).await
}

async fn services(context: &Context<'_>, project: &ID) -> Answered<Project> {
    let asker = context.data::<Asker>()?;
    asker.project(project, Permission::ManageServices).await
}
