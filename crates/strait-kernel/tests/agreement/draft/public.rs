//! Internet gateways and public addresses.

use ipnet::Ipv4Net;
use serde_json::json;

use super::Draft;
use super::way::Way;
use crate::script::Who;

impl Draft {
    /// A gateway, mostly with a default route to it.
    pub(super) fn gateway(&mut self, vpc: usize) {
        let made = self.vpcs[vpc].made;
        let who = Who::OwnerOf(made);
        let gateway = self.call(who, "CreateInternetGateway", json!({}));
        let parameters =
            json!({ "InternetGatewayId": format!("${gateway}"), "VpcId": format!("${made}") });
        self.call(who, "AttachInternetGateway", parameters);
        self.vpcs[vpc].gateways.push(gateway);
        if self.online && self.dice.chance(85) {
            let table = self.vpcs[vpc].tables[0].clone();
            self.route(vpc, &table, Ipv4Net::default(), &Way::Gateway(gateway));
        }
    }

    /// Whether an instance is to have a public address from its launch on.
    pub(super) fn wants_public(&mut self, vpc: usize) -> bool {
        self.online && !self.vpcs[vpc].gateways.is_empty() && self.dice.chance(60)
    }

    /// An address comes, moves or goes, or a gateway does.
    pub(super) fn public_change(&mut self, vpc: usize) {
        match self.dice.below(6) {
            0..=2 => self.associate(vpc),
            3 => self.disassociate(),
            4 => self.terminate(vpc),
            _ => self.gateway_change(vpc),
        }
    }

    pub(super) fn gateway_change(&mut self, vpc: usize) {
        let of = &self.vpcs[vpc];
        let (made, gateways) = (of.made, of.gateways.clone());
        let Some(gateway) = self.dice.any(&gateways) else {
            return self.gateway(vpc);
        };
        let name = if self.dice.chance(60) {
            "DetachInternetGateway"
        } else {
            "AttachInternetGateway"
        };
        let parameters =
            json!({ "InternetGatewayId": format!("${gateway}"), "VpcId": format!("${made}") });
        self.call(Who::OwnerOf(made), name, parameters);
    }

    fn associate(&mut self, vpc: usize) {
        let (made, instances) = (self.vpcs[vpc].made, self.vpcs[vpc].instances.clone());
        let Some(instance) = self.dice.any(&instances).cloned() else {
            return;
        };
        let own: Vec<_> = self
            .addresses
            .iter()
            .filter(|(of, _)| *of == vpc)
            .map(|(_, address)| *address)
            .collect();
        let who = Who::OwnerOf(made);
        let address = match self.dice.any(&own) {
            Some(address) if self.dice.chance(60) => *address,
            Some(_) | None => {
                let address = self.call(who, "AllocateAddress", json!({}));
                self.addresses.push((vpc, address));
                address
            }
        };
        let parameters = json!({
            "AllocationId": format!("${address}"), "NetworkInterfaceId": format!("${}.interface", instance.made),
        });
        let association = self.call(who, "AssociateAddress", parameters);
        self.associations.push(association);
    }

    fn disassociate(&mut self) {
        let associations = self.associations.clone();
        if let Some(association) = self.dice.any(&associations) {
            let parameters = json!({ "AssociationId": format!("${association}") });
            self.call(
                Who::OwnerOf(*association),
                "DisassociateAddress",
                parameters,
            );
        }
    }
}
