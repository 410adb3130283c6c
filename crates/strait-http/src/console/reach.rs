//! What somebody may see and do of the customers' cloud: all of it by what they are in every project; else their own projects'
//! peering connections, the networks that those lead to once the customer accepted, and there what belongs to those connections.

use std::collections::BTreeSet;

use strait_plane::Plane;
use strait_plane::model::{Peering, Permission, Role, Seat};

use super::cloud::{forbidden, missing};
use crate::customer::{CustomerChange, CustomerVpc, Holdings, PeeringRequest, Route, Rule};
use crate::error::ApiError;

/// How far somebody reaches.
#[derive(Debug)]
pub(super) struct Reach {
    /// The least that they are, if they are something in every project.
    everywhere: Option<Role>,
    /// The most that they are anywhere.
    somewhere: Option<Role>,
    own: Vec<Own>,
}

/// A peering connection by its ids, and what they are in the project that asked for it.
#[derive(Debug)]
struct Own {
    connections: Vec<String>,
    role: Role,
}

impl Reach {
    /// That of who has these seats.
    pub(super) async fn of(plane: &Plane, seats: &[Seat]) -> Result<Self, ApiError> {
        let all = plane.list_projects().await?;
        let is_in = |id: &str| seats.iter().any(|seat| seat.project.id == id);
        let in_every = all.iter().all(|project| is_in(&project.id));
        let roles = || seats.iter().map(|seat| seat.role);
        let mut reach = Self {
            // Roles are sorted from the highest to the lowest.
            everywhere: roles().max().filter(|_| in_every),
            somewhere: roles().min(),
            own: Vec::new(),
        };
        if reach.may_everywhere(Permission::ManageNetworks) {
            return Ok(reach);
        }
        for seat in seats {
            let peerings = plane.list_project_peerings(&seat.project.id).await?;
            let of_project = peerings.into_iter().map(|peering| own(peering, seat.role));
            reach.own.extend(of_project);
        }
        Ok(reach)
    }

    /// Whether they may do this in every project.
    pub(super) fn may_everywhere(&self, permission: Permission) -> bool {
        self.everywhere.is_some_and(|role| role.may(permission))
    }

    /// Whether they may do this in some project.
    pub(super) fn may_somewhere(&self, permission: Permission) -> bool {
        self.somewhere.is_some_and(|role| role.may(permission))
    }

    /// What they see of an account; none: nothing at all.
    pub(super) fn seen(&self, holdings: Holdings) -> Option<Holdings> {
        if self.may_everywhere(Permission::See) {
            return Some(holdings);
        }
        let mut seen = holdings;
        seen.requests
            .retain(|request| self.owns(request, Permission::See));
        // Anybody may ask for a connection with any network: only one that the customer accepted shows it.
        let active = seen.requests.iter().filter(|request| request.is_active());
        let peered: BTreeSet<&str> = active.map(|request| request.vpc.as_str()).collect();
        seen.vpcs.retain(|vpc| peered.contains(vpc.id.as_str()));
        seen.account.vpcs = seen.vpcs.len();
        let pending = seen.requests.iter().filter(|request| request.is_pending());
        seen.account.pending = pending.count();
        (!seen.vpcs.is_empty() || !seen.requests.is_empty()).then_some(seen)
    }

    /// Whether they act on a peering connection as the customer.
    pub(super) fn acts_on(&self, request: &PeeringRequest) -> bool {
        self.owns(request, Permission::ManageNetworks)
    }

    /// Whether they take a route away as the customer.
    pub(super) fn acts_on_route(&self, holdings: &Holdings, route: &Route) -> bool {
        if self.may_everywhere(Permission::ManageNetworks) {
            return true;
        }
        let mut own = holdings.requests.iter().filter(|own| self.acts_on(own));
        own.any(|own| own.id == route.target)
    }

    /// Whether they take a rule of a VPC's away as the customer.
    pub(super) fn acts_on_rule(&self, holdings: &Holdings, vpc: &CustomerVpc, rule: &Rule) -> bool {
        if self.may_everywhere(Permission::ManageNetworks) {
            return true;
        }
        let of_vpc = holdings
            .requests
            .iter()
            .filter(|request| request.vpc == vpc.id);
        let mut own = of_vpc.filter(|own| self.acts_on(own));
        own.any(|own| rule.peering.as_ref() == Some(&own.id))
    }

    /// Refuses what they may not do in an account of which they see this.
    pub(super) fn check(&self, seen: &Holdings, change: &CustomerChange) -> Result<(), ApiError> {
        if self.may_everywhere(Permission::ManageNetworks) {
            return Ok(());
        }
        match change {
            CustomerChange::Accept { peering }
            | CustomerChange::Reject { peering }
            | CustomerChange::DeletePeering { peering } => self.own(seen, peering).map(|_| ()),
            CustomerChange::AddRoute { table, peering } => {
                let (vpc, _) = with_table(seen, table)?;
                self.of_vpc(seen, vpc, peering)
            }
            CustomerChange::Allow { group, peering } => {
                let (vpc, _) = with_group(seen, group)?;
                self.of_vpc(seen, vpc, peering)
            }
            CustomerChange::DeleteRoute { table, destination } => {
                let (_, routes) = with_table(seen, table)?;
                let mut routes = routes.iter();
                let Some(route) =
                    routes.find(|route| route.destination.to_string() == *destination)
                else {
                    return Err(missing(&format!("route to {destination}")));
                };
                allowed(self.acts_on_route(seen, route))
            }
            CustomerChange::Disallow { group, rule } => {
                let (vpc, rules) = with_group(seen, group)?;
                let Some(found) = rules.iter().find(|known| known.id == *rule) else {
                    return Err(missing(&format!("rule {rule}")));
                };
                allowed(self.acts_on_rule(seen, vpc, found))
            }
        }
    }

    fn own<'a>(&self, seen: &'a Holdings, peering: &str) -> Result<&'a PeeringRequest, ApiError> {
        let mut requests = seen.requests.iter();
        let Some(request) = requests.find(|request| request.id == peering) else {
            return Err(missing(&format!("peering connection {peering}")));
        };
        allowed(self.acts_on(request))?;
        Ok(request)
    }

    fn of_vpc(&self, seen: &Holdings, vpc: &CustomerVpc, peering: &str) -> Result<(), ApiError> {
        let request = self.own(seen, peering)?;
        if request.vpc == vpc.id {
            return Ok(());
        }
        Err(missing(&format!(
            "peering connection {peering} of {}",
            vpc.id
        )))
    }

    fn owns(&self, request: &PeeringRequest, permission: Permission) -> bool {
        if self.may_everywhere(permission) {
            return true;
        }
        let mut able = self.own.iter().filter(|own| own.role.may(permission));
        able.any(|own| own.connections.contains(&request.id))
    }
}

fn own(peering: Peering, role: Role) -> Own {
    let ids = [peering.provisioned_id, peering.accepter_provisioned_id];
    Own {
        connections: ids.into_iter().flatten().collect(),
        role,
    }
}

fn with_table<'a>(
    seen: &'a Holdings,
    table: &str,
) -> Result<(&'a CustomerVpc, &'a [Route]), ApiError> {
    let mut all = seen
        .vpcs
        .iter()
        .flat_map(|vpc| vpc.tables.iter().map(move |table| (vpc, table)));
    let found = all.find(|(_, known)| known.id == table);
    found
        .map(|(vpc, table)| (vpc, table.routes.as_slice()))
        .ok_or_else(|| missing(&format!("route table {table}")))
}

fn with_group<'a>(
    seen: &'a Holdings,
    group: &str,
) -> Result<(&'a CustomerVpc, &'a [Rule]), ApiError> {
    let mut all = seen
        .vpcs
        .iter()
        .flat_map(|vpc| vpc.groups.iter().map(move |group| (vpc, group)));
    let found = all.find(|(_, known)| known.id == group);
    found
        .map(|(vpc, group)| (vpc, group.out.as_slice()))
        .ok_or_else(|| missing(&format!("security group {group}")))
}

fn allowed(may: bool) -> Result<(), ApiError> {
    if may {
        return Ok(());
    }
    Err(forbidden(
        "change this as the customer: it takes the role admin in the project whose peering connection it is for, or in every project",
    ))
}
