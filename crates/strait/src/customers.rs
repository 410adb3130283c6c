//! The customers' half of the console, on the local cloud: what its API would show and do for them.

mod example;
mod shown;

use async_trait::async_trait;
use strait_http::{
    CustomerAccount, CustomerChange, CustomerCloud, CustomerError, Holdings, Place, Target, Trial,
    WalkStep,
};
use strait_local::cloud::{INTERNET, Local, PROVIDER, ReachError};
use strait_vpc::api::*;
use strait_vpc::state::{Account, InstanceState, Network};
use strait_vpc::{Action, AwsError, Caller, Fault, Region};

/// PostgreSQL's port.
const PORT: i32 = 5432;

/// The customers of a local cloud.
pub(crate) struct Customers {
    local: Local,
}

impl Customers {
    /// Those of this cloud.
    pub(crate) fn of(local: Local) -> Self {
        Self { local }
    }

    async fn find(&self, account: &str) -> Result<Account, CustomerError> {
        let network = self.local.network().await;
        let found = customers(&network).find(|found| found.id.as_str() == account);
        found
            .cloned()
            .ok_or_else(|| CustomerError::NotFound(format!("customer {account}")))
    }

    async fn call(
        &self,
        account: &Account,
        region: &str,
        action: Action,
    ) -> Result<strait_vpc::Response, CustomerError> {
        let caller = Caller::new(account.id.clone(), Region::new(region));
        let local = self.local.clone();
        // In a task of its own: a visitor that leaves must not cut a commit short.
        let called = tokio::spawn(async move { local.call(caller, action).await }).await;
        match called {
            Ok(answered) => answered.map_err(refused),
            Err(error) => Err(CustomerError::Failed(error.to_string())),
        }
    }

    /// The range at the other end of the customer's peering connection.
    async fn far_range(&self, account: &Account, peering: &str) -> Result<String, CustomerError> {
        let network = self.local.network().await;
        let mut own = network
            .peerings
            .values()
            .filter(|found| found.accepter.owner == account.id);
        let found = own.find(|found| found.id.as_str() == peering);
        let range = found.and_then(|found| found.requester.blocks.first());
        let missing = || CustomerError::NotFound(format!("peering connection {peering}"));
        range.map(ToString::to_string).ok_or_else(missing)
    }
}

#[async_trait]
impl CustomerCloud for Customers {
    async fn accounts(&self) -> Vec<CustomerAccount> {
        let network = self.local.network().await;
        let mut all: Vec<CustomerAccount> = customers(&network)
            .map(|account| shown::account(&network, account))
            .collect();
        all.sort_by(|one, other| one.name.cmp(&other.name));
        all
    }

    async fn holdings(&self, account: &str) -> Option<Holdings> {
        let network = self.local.network().await;
        let account = customers(&network).find(|found| found.id.as_str() == account)?;
        Some(shown::holdings(&network, account))
    }

    async fn change(
        &self,
        account: &str,
        region: &str,
        change: CustomerChange,
    ) -> Result<(), CustomerError> {
        let account = self.find(account).await?;
        let action: Action = match change {
            CustomerChange::Accept { peering } => AcceptVpcPeeringConnectionRequest {
                vpc_peering_connection_id: peering,
                ..Default::default()
            }
            .into(),
            CustomerChange::Reject { peering } => RejectVpcPeeringConnectionRequest {
                vpc_peering_connection_id: peering,
                ..Default::default()
            }
            .into(),
            CustomerChange::DeletePeering { peering } => DeleteVpcPeeringConnectionRequest {
                vpc_peering_connection_id: peering,
                ..Default::default()
            }
            .into(),
            CustomerChange::AddRoute { table, peering } => CreateRouteRequest {
                route_table_id: table,
                destination_cidr_block: Some(self.far_range(&account, &peering).await?),
                vpc_peering_connection_id: Some(peering),
                ..Default::default()
            }
            .into(),
            CustomerChange::DeleteRoute { table, destination } => DeleteRouteRequest {
                route_table_id: table,
                destination_cidr_block: Some(destination),
                ..Default::default()
            }
            .into(),
            CustomerChange::Allow { group, peering } => AuthorizeSecurityGroupEgressRequest {
                group_id: group,
                ip_permissions: vec![postgres_by(
                    &peering,
                    &self.far_range(&account, &peering).await?,
                )],
                ..Default::default()
            }
            .into(),
            CustomerChange::Disallow { group, rule } => RevokeSecurityGroupEgressRequest {
                group_id: group,
                security_group_rule_ids: vec![rule],
                ..Default::default()
            }
            .into(),
        };
        self.call(&account, region, action).await.map(|_| ())
    }

    async fn make_example(&self, region: &str) -> Result<CustomerAccount, CustomerError> {
        let account = example::make(self, region).await?;
        Ok(shown::account(&*self.local.network().await, &account))
    }

    async fn places(&self) -> Vec<Place> {
        let network = self.local.network().await;
        let internet = Place {
            id: INTERNET.to_owned(),
            is_instance: false,
            label: "The internet".to_owned(),
        };
        let mut instances: Vec<Place> = customers(&network)
            .flat_map(|account| {
                let own = network
                    .instances
                    .values()
                    .filter(|found| found.owner == account.id);
                let running = own.filter(|found| found.state == InstanceState::Running);
                running.map(|found| Place {
                    id: found.id.to_string(),
                    is_instance: true,
                    label: match found.tags.get("Name") {
                        Some(name) => format!("{name} of {} ({})", account.name, found.id),
                        None => format!("{} of {}", found.id, account.name),
                    },
                })
            })
            .collect();
        instances.sort_by(|one, other| one.label.cmp(&other.label));
        std::iter::once(internet).chain(instances).collect()
    }

    async fn try_connection(&self, place: &str, target: &Target) -> Result<Trial, CustomerError> {
        if !self.places().await.iter().any(|known| known.id == place) {
            return Err(CustomerError::NotFound(format!(
                "place {place:?} to try from"
            )));
        }
        let tried = self
            .local
            .try_from_host(place, &target.host, target.port)
            .await;
        let tried = tried.map_err(|error| unreachable_from(&error))?;
        let walk = self.local.reach(place, &target.service, target.port).await;
        let walk = walk.map_err(|error| unreachable_from(&error))?;
        let steps = walk.steps.into_iter().map(|step| WalkStep {
            place: step.place,
            what: step.what,
            ok: step.ok,
            fix: step.fix,
        });
        Ok(Trial {
            resolved: tried.resolved,
            failure: tried.failure,
            walk: steps.collect(),
        })
    }
}

/// Every account but the provider's.
fn customers(network: &Network) -> impl Iterator<Item = &Account> {
    let all = network.accounts.values();
    all.filter(|account| account.name != PROVIDER)
}

/// TCP 5432 to the range at the other end of a peering connection.
fn postgres_by(peering: &str, range: &str) -> IpPermission {
    IpPermission {
        ip_protocol: Some("tcp".to_owned()),
        from_port: Some(PORT),
        to_port: Some(PORT),
        ip_ranges: vec![IpRange {
            cidr_ip: range.to_owned(),
            description: Some(shown::described(peering)),
        }],
        ..Default::default()
    }
}

fn refused(error: AwsError) -> CustomerError {
    match error.fault {
        Fault::Server | Fault::Busy => CustomerError::Failed(error.message),
        Fault::Request
        | Fault::Identity
        | Fault::Permission
        | Fault::NotFound
        | Fault::Conflict
        | Fault::DryRun => CustomerError::Refused {
            code: error.code,
            message: error.message,
        },
    }
}

fn unreachable_from(error: &ReachError) -> CustomerError {
    match error {
        ReachError::NoSuchHost(host) => CustomerError::NotFound(format!("running instance {host}")),
        ReachError::NoWay => CustomerError::Failed(error.to_string()),
    }
}
