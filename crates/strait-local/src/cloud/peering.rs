//! Peering connections from the provider's side: the request, and who is let in.

use std::collections::BTreeSet;

use ipnet::Ipv4Net;
use strait_plane::cloud::{CloudError, PeerState, PeeringObserved, PeeringSpec};
use strait_vpc::PeeringId;
use strait_vpc::api::*;
use strait_vpc::state::{Peering, PeeringState, RouteTarget, SecurityGroupRule};

use super::Local;
use super::group::{Allow, endpoints_group, range_to_postgres};
use super::key::{Key, made_for, tagged};
use super::vpc::main_table;

impl Local {
    pub(super) async fn make_peering(
        &self,
        spec: &PeeringSpec,
    ) -> Result<PeeringObserved, CloudError> {
        if let Some(peering) = self.find_peering(spec).await {
            return Ok(observed(&peering));
        }
        let Some(vpc) = self.find_vpc(&Key::vpc(&spec.vpc.id)).await else {
            return Err(CloudError::Temporary(format!(
                "the Peering VPC {} is not there yet",
                spec.vpc.name
            )));
        };
        let request = CreateVpcPeeringConnectionRequest {
            vpc_id: vpc.id.to_string(),
            peer_vpc_id: Some(spec.peer_vpc.clone()),
            peer_owner_id: Some(spec.peer_account.clone()),
            peer_region: Some(spec.peer_region.clone()),
            tag_specifications: tagged(
                "vpc-peering-connection",
                &spec.vpc.name,
                &Key::peering(spec),
            ),
            ..Default::default()
        };
        self.ask::<CreateVpcPeeringConnectionResponse>(&spec.vpc.region, request)
            .await?;
        let made = self.find_peering(spec).await;
        made.as_ref().map(observed).ok_or_else(|| CloudError::Refused {
            code: "VpcPeeringConnectionAlreadyExists".to_owned(),
            message: format!(
                "{} in account {} is peered with this Peering VPC already. One pair of VPCs has one peering connection.",
                spec.peer_vpc, spec.peer_account
            ),
        })
    }

    pub(super) async fn admit(
        &self,
        spec: &PeeringSpec,
        ranges: &BTreeSet<Ipv4Net>,
    ) -> Result<(), CloudError> {
        let Some(peering) = self.find_peering(spec).await else {
            return Ok(());
        };
        self.route_back(spec, &peering.id, ranges).await?;
        self.allow_exactly_these(spec, ranges).await
    }

    pub(super) async fn unmake_peering(&self, spec: &PeeringSpec) -> Result<(), CloudError> {
        let Some(peering) = self.find_peering(spec).await else {
            return Ok(());
        };
        if self.find_vpc(&Key::vpc(&spec.vpc.id)).await.is_some() {
            self.admit(spec, &BTreeSet::new()).await?;
        }
        match peering.state {
            PeeringState::PendingAcceptance | PeeringState::Active => {}
            PeeringState::Failed(_)
            | PeeringState::Expired
            | PeeringState::Rejected
            | PeeringState::Deleted(_) => {
                return Ok(());
            }
        }
        let request = DeleteVpcPeeringConnectionRequest {
            vpc_peering_connection_id: peering.id.to_string(),
            ..Default::default()
        };
        self.ask_gone::<DeleteVpcPeeringConnectionResponse>(&spec.vpc.region, request)
            .await
    }

    async fn find_peering(&self, spec: &PeeringSpec) -> Option<Peering> {
        let key = Key::peering(spec);
        let network = self.network().await;
        network
            .peerings
            .values()
            .find(|peering| {
                made_for(
                    &network,
                    &peering.requester.owner,
                    &peering.requester.tags,
                    &key,
                )
            })
            .cloned()
    }

    /// Routes of the Peering VPC by this peering: exactly to these ranges.
    async fn route_back(
        &self,
        spec: &PeeringSpec,
        peering: &PeeringId,
        ranges: &BTreeSet<Ipv4Net>,
    ) -> Result<(), CloudError> {
        let Some(vpc) = self.find_vpc(&Key::vpc(&spec.vpc.id)).await else {
            return Ok(());
        };
        let network = self.network().await;
        let table = main_table(&network, &vpc.id)?;
        let by_it = table
            .routes
            .iter()
            .filter(|(_, target)| **target == RouteTarget::Peering(peering.clone()));
        let present: BTreeSet<Ipv4Net> = by_it.map(|(range, _)| *range).collect();
        let route_table_id = table.id.to_string();
        for range in present.difference(ranges) {
            let request = DeleteRouteRequest {
                route_table_id: route_table_id.clone(),
                destination_cidr_block: Some(range.to_string()),
                ..Default::default()
            };
            self.ask_gone::<DeleteRouteResponse>(&spec.vpc.region, request)
                .await?;
        }
        for range in ranges.difference(&present) {
            let request = CreateRouteRequest {
                route_table_id: route_table_id.clone(),
                destination_cidr_block: Some(range.to_string()),
                vpc_peering_connection_id: Some(peering.to_string()),
                ..Default::default()
            };
            self.ask::<CreateRouteResponse>(&spec.vpc.region, request)
                .await?;
        }
        Ok(())
    }

    /// Rules of the endpoints' group that carry this peering's key: exactly for these ranges.
    async fn allow_exactly_these(
        &self,
        spec: &PeeringSpec,
        ranges: &BTreeSet<Ipv4Net>,
    ) -> Result<(), CloudError> {
        let Some(vpc) = self.find_vpc(&Key::vpc(&spec.vpc.id)).await else {
            return Ok(());
        };
        let (network, key, region) = (
            self.network().await,
            Key::peering(spec),
            spec.vpc.region.as_str(),
        );
        let group = endpoints_group(&network, &vpc.id)?;
        let ours = || {
            let rules = group.rules.iter();
            rules.filter(|(_, rule)| rule.description.as_deref() == Some(key.as_str()))
        };
        let is_wanted = |rule: &SecurityGroupRule| {
            range_to_postgres(rule).is_some_and(|range| ranges.contains(&range))
        };
        let stale = ours().filter(|(_, rule)| !is_wanted(rule));
        let stale = stale.map(|(id, _)| id.to_string()).collect();
        self.revoke(region, &group.id, stale, Allow::From).await?;
        let present: BTreeSet<Ipv4Net> = ours()
            .filter_map(|(_, rule)| range_to_postgres(rule))
            .collect();
        let fresh = ranges.difference(&present).copied().collect();
        self.allow_ranges(region, &group.id, &fresh, key.as_str())
            .await
    }
}

fn observed(peering: &Peering) -> PeeringObserved {
    let (state, message) = match &peering.state {
        PeeringState::PendingAcceptance => (
            PeerState::PendingAcceptance,
            format!("Pending Acceptance by {}", peering.accepter.owner),
        ),
        PeeringState::Active => (PeerState::Active, "Active".to_owned()),
        PeeringState::Failed(why) => (PeerState::Failed, why.clone()),
        PeeringState::Expired => (
            PeerState::Expired,
            "Nobody accepted the request in 7 days".to_owned(),
        ),
        PeeringState::Rejected => (
            PeerState::Rejected,
            format!("Rejected by {}", peering.accepter.owner),
        ),
        PeeringState::Deleted(by) => (PeerState::Deleted, format!("Deleted by {by}")),
    };
    let accepted = state == PeerState::Active;
    PeeringObserved {
        provisioned_id: peering.id.to_string(),
        accepter_provisioned_id: peering.id.to_string(),
        state,
        message,
        expires_at: (state == PeerState::PendingAcceptance).then_some(peering.expires_at),
        peer_ranges: if accepted {
            peering.accepter.blocks.iter().copied().collect()
        } else {
            BTreeSet::new()
        },
    }
}
