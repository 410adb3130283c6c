//! Peerings, route tables and routes.

use ipnet::Ipv4Net;
use serde_json::json;

use super::{Draft, Focus, Peering};
use crate::script::{Made, What, Who};

impl Draft {
    pub(super) fn peers(&self, vpc: usize) -> Vec<usize> {
        let other = |peering: &Peering| match (peering.from == vpc, peering.to == vpc) {
            (true, _) => Some(peering.to),
            (_, true) => Some(peering.from),
            (false, false) => None,
        };
        self.peerings.iter().filter_map(other).collect()
    }

    pub(super) fn peerings(&mut self) {
        for from in 0..self.vpcs.len() {
            for to in 0..self.vpcs.len() {
                if from != to && self.dice.chance(45) {
                    self.peering(from, to);
                }
            }
        }
    }

    pub(super) fn peering(&mut self, from: usize, to: usize) {
        let (one, other) = (self.vpcs[from].made, self.vpcs[to].made);
        let parameters = json!({
            "VpcId": format!("${one}"), "PeerVpcId": format!("${other}"), "PeerOwnerId": format!("${other}.owner"),
            "PeerRegion": format!("${other}.region"),
        });
        let who = Who::OwnerOf(one);
        let made = self.call(who, "CreateVpcPeeringConnection", parameters);
        self.peerings.push(Peering { made, from, to });
        let id = json!({ "VpcPeeringConnectionId": format!("${made}") });
        let accept = |draft: &mut Self| {
            let accepter = Who::AccepterOf(made);
            draft.call(accepter, "AcceptVpcPeeringConnection", id.clone());
        };
        match self.dice.below(20) {
            0 => {}
            1 => {
                let accepter = Who::AccepterOf(made);
                self.call(accepter, "RejectVpcPeeringConnection", id);
            }
            2 => {
                accept(self);
                self.call(who, "DeleteVpcPeeringConnection", id);
            }
            3 => {
                self.push(What::Wait { hours: 7 * 24 + 1 });
            }
            _ => accept(self),
        }
    }

    /// Routes for peerings, both ways mostly; and others, nested and nowhere.
    pub(super) fn routes(&mut self) {
        for place in 0..self.peerings.len() {
            for back in [false, true] {
                let Peering { made, from, to } = self.peerings[place];
                let (near, far) = if back { (to, from) } else { (from, to) };
                for block in self.vpcs[far].blocks.clone() {
                    if self.chance_in(Focus::Routes, 80, 97) {
                        let table = self.vpcs[near].tables[0].clone();
                        self.route(near, &table, block, &Way::Peering(made));
                    }
                }
            }
        }
        for vpc in 0..self.vpcs.len() {
            if self.chance_in(Focus::Routes, 60, 10) {
                self.table(vpc);
            }
            if self.chance_in(Focus::Routes, 60, 5) {
                self.nowhere(vpc);
            }
            for _ in 0..self.dice.below(3) {
                if self.chance_in(Focus::Routes, 100, 10) {
                    self.any_route(vpc);
                }
            }
        }
    }

    /// A table of its own for a subnet, with some routes.
    pub(super) fn table(&mut self, vpc: usize) {
        let made = self.vpcs[vpc].made;
        let who = Who::OwnerOf(made);
        let parameters = json!({ "VpcId": format!("${made}") });
        let table = format!("${}", self.call(who, "CreateRouteTable", parameters));
        self.vpcs[vpc].tables.push(table.clone());
        for place in 0..self.peerings.len() {
            let Peering { made, from, to } = self.peerings[place];
            let far = match (from == vpc, to == vpc) {
                (true, _) => to,
                (_, true) => from,
                (false, false) => continue,
            };
            if self.dice.chance(75) {
                let block = self.vpcs[far].blocks[0];
                self.route(vpc, &table, block, &Way::Peering(made));
            }
        }
        self.use_table(vpc);
    }

    pub(super) fn use_table(&mut self, vpc: usize) {
        if self.vpcs[vpc].subnets.is_empty() {
            return;
        }
        let who = Who::OwnerOf(self.vpcs[vpc].made);
        let tables = self.vpcs[vpc].tables.clone();
        let table = self.dice.pick(&tables).clone();
        let place = self.dice.below(self.vpcs[vpc].subnets.len());
        let subnet = &mut self.vpcs[vpc].subnets[place];
        let made = subnet.made;
        if std::mem::replace(&mut subnet.has_table, true) {
            let parameters =
                json!({ "AssociationId": format!("${made}.table-use"), "RouteTableId": table });
            self.call(who, "ReplaceRouteTableAssociation", parameters);
        } else {
            let parameters = json!({ "SubnetId": format!("${made}"), "RouteTableId": table });
            self.call(who, "AssociateRouteTable", parameters);
        }
    }

    /// A route to a near range or a part of one, by whatever there is.
    pub(super) fn any_route(&mut self, vpc: usize) {
        let tables = self.vpcs[vpc].tables.clone();
        let table = self.dice.pick(&tables).clone();
        let cidr = self.cidr(vpc);
        let lists = self.vpcs[vpc].lists.clone();
        let ways = self.ways(vpc);
        let Some(way) = self.dice.any(&ways).cloned() else {
            return;
        };
        match self.dice.any(&lists) {
            Some(list) if self.dice.chance(40) => {
                let (target, id) = way.target();
                let mut parameters =
                    json!({ "RouteTableId": table, "DestinationPrefixListId": format!("${list}") });
                parameters[target] = json!(id);
                self.call(Who::OwnerOf(*list), "CreateRoute", parameters);
            }
            Some(_) | None => self.route(vpc, &table, cidr, &way),
        }
    }

    /// A part of a peer's range that leads elsewhere than the rest of it.
    pub(super) fn nowhere(&mut self, vpc: usize) {
        let peers = self.peers(vpc);
        let Some(peer) = self.dice.any(&peers) else {
            return;
        };
        let of = &self.vpcs[*peer];
        let parts: Vec<Ipv4Net> = of
            .subnets
            .iter()
            .map(|subnet| subnet.block)
            .chain(of.instances.iter().map(|instance| instance.address.into()))
            .collect();
        let ways = self.ways(vpc);
        let table = self.vpcs[vpc].tables[0].clone();
        if let (Some(part), Some(way)) = (self.dice.any(&parts), ways.last()) {
            self.route(vpc, &table, *part, way);
        }
    }

    pub(super) fn ways(&self, vpc: usize) -> Vec<Way> {
        let peerings = self
            .peerings
            .iter()
            .filter(|peering| peering.from == vpc || peering.to == vpc)
            .map(|peering| Way::Peering(peering.made));
        let of = &self.vpcs[vpc];
        let instances = of
            .instances
            .iter()
            .take(1)
            .map(|instance| Way::Instance(instance.made));
        let gateways = of.gateways.iter().map(|gateway| Way::Gateway(*gateway));
        peerings
            .clone()
            .chain(peerings)
            .chain(instances)
            .chain(gateways)
            .collect()
    }

    pub(super) fn route(&mut self, vpc: usize, table: &str, to: Ipv4Net, by: &Way) {
        let (target, id) = by.target();
        let mut parameters =
            json!({ "RouteTableId": table, "DestinationCidrBlock": to.to_string() });
        parameters[target] = json!(id);
        let who = Who::OwnerOf(self.vpcs[vpc].made);
        let again = self
            .routes
            .iter()
            .any(|(_, of, cidr)| of == table && *cidr == to.to_string());
        let name = if again { "ReplaceRoute" } else { "CreateRoute" };
        self.call(who, name, parameters);
        self.routes.push((who, table.to_owned(), to.to_string()));
    }
}

/// Where a route leads.
#[derive(Clone)]
pub(super) enum Way {
    Peering(Made),
    Instance(Made),
    Gateway(Made),
}

impl Way {
    /// How a call names it.
    fn target(&self) -> (&'static str, String) {
        match self {
            Self::Peering(made) => ("VpcPeeringConnectionId", format!("${made}")),
            Self::Instance(made) => ("NetworkInterfaceId", format!("${made}.interface")),
            Self::Gateway(made) => ("GatewayId", format!("${made}")),
        }
    }
}
