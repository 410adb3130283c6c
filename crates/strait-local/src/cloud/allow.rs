//! Allow lists: a group of a service's own with one rule a range, in place of the group that lets in whoever gets there.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;
use std::time::Duration;

use ipnet::Ipv4Net;
use strait_kernel::Forwarded;
use strait_plane::cloud::{
    Allowed, Change, CloudError, CutOff, GROUP_IS_FULL, NoRoom, Passage, WaySpec,
};
use strait_plane::model::{SessionsByClient, Side};
use strait_vpc::api::{ModifyVpcEndpointRequest, ModifyVpcEndpointResponse};
use strait_vpc::state::{
    Direction, INTERNET_OWN, LoadBalancer, RulePeer, SecurityGroup, SecurityGroupRule,
};
use strait_vpc::{InterfaceId, Network, SecurityGroupId, VpcId};
use tokio::time::sleep;

use super::Local;
use super::group::{
    Allow, DUPLICATE, ENDPOINTS, already_there, endpoints_group, group_named, range_to_postgres,
};
use super::key::{Key, made_for};
use super::service::Place;
use super::vpc::{PORT, PROBER};
use super::way::{balancer, endpoint, target_group};

/// For PostgreSQL's farewell to pass the way before that is cut.
const FAREWELL: Duration = Duration::from_millis(50);
/// How the rules are described.
const DESCRIPTION: &str = "Strait: allow list";
/// How often those are looked for who came while others were cut off.
const ROUNDS: u32 = 5;

impl Local {
    /// The group of the public way's nodes that lets in those who are allowed.
    pub(super) async fn public_group(
        &self,
        spec: &WaySpec,
        place: &Place,
        allowed: &Allowed,
    ) -> Result<SecurityGroupId, CloudError> {
        let Allowed::Only(ranges) = allowed else {
            return Ok(place.nodes.clone());
        };
        let (region, key) = (spec.region.as_str(), Key::service(&spec.service));
        let name = group_name(Side::Public, &spec.service);
        let group = self.group_in(&place.vpc.id, region, &name, &key).await?;
        self.allow_group(region, &place.group, &group, Allow::From)
            .await?;
        self.allow_group(region, &group, &place.group, Allow::To)
            .await?;
        self.allow_exactly(region, &group, ranges, None).await?;
        Ok(group)
    }

    /// The group of a private way's endpoint that lets in those who are allowed, and Strait's own prober.
    pub(super) async fn endpoint_group(
        &self,
        spec: &WaySpec,
        home: &VpcId,
        allowed: &Allowed,
    ) -> Result<SecurityGroupId, CloudError> {
        let network = self.network().await;
        let Allowed::Only(ranges) = allowed else {
            return Ok(endpoints_group(&network, home)?.id.clone());
        };
        let prober = group_named(&network, home, PROBER).ok_or_else(|| {
            CloudError::Temporary(format!("the Peering VPC {home} is not complete yet"))
        })?;
        let (region, key) = (spec.region.as_str(), Key::way(spec));
        let name = group_name(Side::Private, &spec.service);
        let group = self.group_in(home, region, &name, &key).await?;
        self.allow_group(region, &group, &prober.id, Allow::From)
            .await?;
        self.allow_group(region, &prober.id, &group, Allow::To)
            .await?;
        self.allow_exactly(region, &group, ranges, Some(&prober.id))
            .await?;
        Ok(group)
    }

    /// Gives the endpoint of a private way, if it is there, the group of those who are allowed in place of Strait's other one;
    /// groups that others put there stay.
    pub(super) async fn restrict_endpoint(
        &self,
        spec: &WaySpec,
        allowed: &Allowed,
    ) -> Result<(), CloudError> {
        let key = Key::way(spec);
        let Some(there) = endpoint(&*self.network().await, &key).cloned() else {
            return Ok(());
        };
        let group = self.endpoint_group(spec, &there.vpc, allowed).await?;
        let network = self.network().await;
        let ours = [
            ENDPOINTS.to_owned(),
            group_name(Side::Private, &spec.service),
        ];
        let ours = ours.map(|name| group_named(&network, &there.vpc, &name));
        let former: Vec<String> = (ours.into_iter().flatten())
            .map(|ours| &ours.id)
            .filter(|id| **id != group && there.groups.contains(id))
            .map(ToString::to_string)
            .collect();
        let has_it = there.groups.contains(&group);
        if has_it && former.is_empty() {
            return Ok(());
        }
        let request = ModifyVpcEndpointRequest {
            vpc_endpoint_id: there.id.to_string(),
            add_security_group_ids: (!has_it).then(|| group.to_string()).into_iter().collect(),
            remove_security_group_ids: former,
            ..Default::default()
        };
        self.ask::<ModifyVpcEndpointResponse>(&spec.region, request)
            .await
            .map(drop)
    }

    /// Takes the group of a private way away, and the prober's rule that names it. Its endpoint must be gone.
    pub(super) async fn forget_endpoint_group(&self, spec: &WaySpec) -> Result<(), CloudError> {
        let (region, key) = (spec.region.as_str(), Key::way(spec));
        let network = self.network().await;
        let groups = || network.security_groups.values();
        let gone: BTreeSet<&SecurityGroupId> = groups()
            .filter(|group| made_for(&network, &group.owner, &group.tags, &key))
            .map(|group| &group.id)
            .collect();
        for group in groups() {
            let names_it = |rule: &&SecurityGroupRule| {
                rule.direction == Direction::Egress
                    && matches!(&rule.peer, RulePeer::Group { id, .. } if gone.contains(id))
            };
            let rules = group.rules.iter().filter(|(_, rule)| names_it(rule));
            let rules = rules.map(|(id, _)| id.to_string()).collect();
            self.revoke(region, &group.id, rules, Allow::To).await?;
        }
        self.remove_groups(region, &key).await
    }

    /// The sessions by a way that are open now, by the clients' own addresses.
    pub(super) async fn sessions_by(&self, spec: &WaySpec) -> Result<SessionsByClient, CloudError> {
        let mut sessions = SessionsByClient::new();
        for connection in self.forwarded(spec).await?.into_values().flatten() {
            if connection.is_open {
                *sessions.entry(connection.client).or_default() += 1;
            }
        }
        Ok(sessions)
    }

    /// Ends the connections of those who are not allowed: their sessions in PostgreSQL, which tells them so, then whatever
    /// is left of them.
    pub(super) async fn cut(
        &self,
        spec: &WaySpec,
        allowed: &Allowed,
    ) -> Result<CutOff, CloudError> {
        let mut ended = BTreeSet::new();
        for _ in 0..ROUNDS {
            let all = self.forwarded(spec).await?;
            let doomed: BTreeSet<&Forwarded> = (all.values().flatten())
                .filter(|connection| !allowed.allows(connection.client))
                .collect();
            if doomed.is_empty() {
                break;
            }
            let open = doomed.iter().filter(|connection| connection.is_open);
            let open: BTreeSet<SocketAddrV4> = open.map(|connection| connection.from).collect();
            if !open.is_empty() {
                self.say_farewell(&spec.service, &open).await;
                ended.extend(open);
            }
            self.cut_clients(all.into_keys().collect(), allowed).await?;
        }
        Ok(CutOff::Ended(
            u32::try_from(ended.len()).unwrap_or(u32::MAX),
        ))
    }

    /// Ends sessions in PostgreSQL, and lets its last words pass; then resets what PostgreSQL does not show, a client that is
    /// just being let in, which would wait for ever. Without all that they are cut all the same.
    async fn say_farewell(&self, service: &str, sessions: &BTreeSet<SocketAddrV4>) {
        let Some(host) = self.service_host(service).await else {
            return;
        };
        let engine = &self.inner.engine;
        match engine.end_these(host.as_str(), service, sessions).await {
            Ok(0) => {}
            Ok(_) => sleep(FAREWELL).await,
            Err(error) => {
                tracing::info!(service, %error, "sessions are not ended in PostgreSQL; they are cut off");
            }
        }
        let (kernel, sessions) = (Arc::clone(&self.inner.kernel), sessions.clone());
        let reset = blocking(move || {
            let from: BTreeSet<Ipv4Addr> = sessions.iter().map(|session| *session.ip()).collect();
            let mut left = kernel.connections(host.as_str(), PORT, &from)?;
            left.retain(|connection| sessions.contains(&connection.peer()));
            kernel.reset(host.as_str(), &left)
        });
        if let Err(error) = reset.await {
            tracing::info!(service, %error, "connections are not reset; they are cut off");
        }
    }

    async fn cut_clients(
        &self,
        hops: Vec<(InterfaceId, SocketAddrV4)>,
        allowed: &Allowed,
    ) -> Result<(), CloudError> {
        let (kernel, allowed) = (Arc::clone(&self.inner.kernel), allowed.clone());
        blocking(move || {
            hops.iter().try_for_each(|(node, target)| {
                let doomed = |client| !allowed.allows(client);
                kernel.cut_clients(node.as_str(), *target, doomed).map(drop)
            })
        })
        .await
    }

    /// What each node of the way forwards to each target.
    async fn forwarded(
        &self,
        spec: &WaySpec,
    ) -> Result<BTreeMap<(InterfaceId, SocketAddrV4), Vec<Forwarded>>, CloudError> {
        let network = self.network().await;
        let hops = hops(&network, &Key::way(spec));
        let kernel = Arc::clone(&self.inner.kernel);
        blocking(move || {
            let look = |(node, target): (InterfaceId, SocketAddrV4)| {
                let found = kernel.forwarded(node.as_str(), target)?;
                Ok(((node, target), found))
            };
            hops.into_iter().map(look).collect()
        })
        .await
    }

    /// Lets these ranges in to PostgreSQL, and a group that Strait needs there, and nothing else: what others added is taken
    /// away. Nobody who stays is shut out meanwhile.
    async fn allow_exactly(
        &self,
        region: &str,
        group: &SecurityGroupId,
        ranges: &BTreeSet<Ipv4Net>,
        friend: Option<&SecurityGroupId>,
    ) -> Result<(), CloudError> {
        let network = self.network().await;
        let Some(known) = network.security_groups.get(group) else {
            return Err(CloudError::Temporary(format!(
                "the group {group} is gone again"
            )));
        };
        let is_friend = |rule: &SecurityGroupRule| matches!(&rule.peer, RulePeer::Group { id, .. } if Some(id) == friend);
        let (mut present, mut foreign) = (BTreeMap::new(), Vec::new());
        for (id, rule) in &known.rules {
            match range_to_postgres(rule) {
                _ if rule.direction == Direction::Egress || is_friend(rule) => {}
                Some(range) => {
                    present.insert(range, id.to_string());
                }
                None => foreign.push(id.to_string()),
            }
        }
        let mut passage = Passage::new(present.keys().copied().collect(), ranges.clone());
        while let Some(change) = passage
            .change()
            .map_err(|no_room| too_long(group, no_room))?
        {
            match &change {
                Change::Refuse(ranges) => {
                    let stale = ranges.iter().filter_map(|range| present.get(range));
                    let stale = stale.cloned().collect();
                    self.revoke(region, group, stale, Allow::From).await?;
                }
                Change::Admit(ranges) => match self.admit_ranges(region, group, ranges).await {
                    Err(CloudError::Refused { code, .. }) if code == GROUP_IS_FULL => {
                        if foreign.is_empty() {
                            passage.had_no_room(&change);
                        }
                        let foreign = std::mem::take(&mut foreign);
                        self.revoke(region, group, foreign, Allow::From).await?;
                        continue;
                    }
                    outcome => outcome?,
                },
            }
            passage.made(change);
        }
        self.revoke(region, group, foreign, Allow::From).await
    }

    async fn admit_ranges(
        &self,
        region: &str,
        group: &SecurityGroupId,
        ranges: &BTreeSet<Ipv4Net>,
    ) -> Result<(), CloudError> {
        match self.allow_ranges(region, group, ranges, DESCRIPTION).await {
            // None of several comes if one of them is there.
            Err(CloudError::Refused { code, .. }) if code == DUPLICATE => {
                for range in ranges {
                    let alone = BTreeSet::from([*range]);
                    let added = self.allow_ranges(region, group, &alone, DESCRIPTION);
                    already_there(added.await)?;
                }
                Ok(())
            }
            outcome => outcome,
        }
    }
}

/// The list of this service that a group of Strait's stands for, if it does.
pub(super) fn side_of(group: &SecurityGroup, service: &str) -> Option<Side> {
    let mut sides = Side::ALL.iter().copied();
    sides.find(|side| group.name == group_name(*side, service))
}

/// Whether clients of the internet itself are let in by these groups: those of `strait exec internet`, and of the loopback
/// port.
pub(super) fn lets_internet_in(network: &Network, balancer: &LoadBalancer) -> bool {
    let groups = (balancer.groups.iter()).filter_map(|id| network.security_groups.get(id));
    let rules = groups.flat_map(|group| group.rules.values());
    let mut inbound = rules.filter(|rule| rule.direction == Direction::Ingress);
    inbound
        .any(|rule| range_to_postgres(rule).is_some_and(|range| range.contains(&INTERNET_OWN[0])))
}

fn group_name(side: Side, service: &str) -> String {
    match side {
        Side::Public => format!("strait-public-{service}"),
        Side::Private => format!("strait-allow-{service}"),
    }
}

fn too_long(group: &SecurityGroupId, no_room: NoRoom) -> CloudError {
    let NoRoom { wanted, fit } = no_room;
    CloudError::Refused {
        code: "allow_list_too_long".to_owned(),
        message: format!(
            "The allow list is {wanted} ranges long, as far as they are those of peered networks, and the security group {group} has room for {fit} (`strait aws-quota`). Unite ranges, or raise the quota. Until then those of it who were let in before still are, and nobody else instead; a way that had no list before lets in everybody, as before"
        ),
    }
}

/// The nodes of a way, each with the targets that it leads to.
fn hops(network: &Network, key: &Key) -> Vec<(InterfaceId, SocketAddrV4)> {
    let (Some(balancer), Some(group)) = (balancer(network, key), target_group(network, key)) else {
        return Vec::new();
    };
    let targets = || {
        (group.targets.iter())
            .filter_map(|target| Some(SocketAddrV4::new(target.id.parse().ok()?, target.port)))
    };
    let of_node = |node: &InterfaceId| {
        let node = node.clone();
        targets().map(move |target| (node.clone(), target))
    };
    balancer.nodes.values().flat_map(of_node).collect()
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, strait_kernel::KernelError> + Send + 'static,
) -> Result<T, CloudError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|_| CloudError::Temporary("interrupted while looking at connections".to_owned()))?
        .map_err(|error| CloudError::Temporary(error.to_string()))
}
