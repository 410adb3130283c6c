//! The security group of a private way's load balancer nodes: from it the service lets the way in.

use aws_sdk_ec2::types::{IpPermission, ResourceType, SecurityGroup, UserIdGroupPair};
use strait_plane::model::PublicWay;

use super::Way;
use crate::error::{Error, gone};
use crate::look::Kind;
use crate::seen::Resource;

impl Way<'_> {
    /// The id of the nodes' group, made if it is not there. It has no rule in: the load balancer is told not to ask it for
    /// what comes by the endpoint, which has passed the endpoint's own group, and nobody else gets in.
    pub(super) async fn nodes_group(&self) -> Result<String, Error> {
        let group = match self.find_nodes_group().await? {
            Some(group) => group,
            None => self.create_nodes_group().await?,
        };
        self.let_nodes_in(group.id()).await?;
        Ok(group.id().to_owned())
    }

    pub(super) async fn remove_nodes_group(&self) -> Result<(), Error> {
        let Some(group) = self.find_nodes_group().await? else {
            return Ok(());
        };
        self.let_nodes_in_no_more(group.id()).await?;
        let call = self
            .region
            .ec2()
            .delete_security_group()
            .group_id(group.id());
        gone(self.region.change(&[Kind::Groups], call.send()).await)
    }

    /// Lets the nodes into the service, where Strait knows its group. For others the operator does it, and is told so
    /// when the way cannot be proved.
    async fn let_nodes_in(&self, nodes: &str) -> Result<(), Error> {
        let PublicWay::SecurityGroup { group_id, .. } = &self.service.public_way else {
            return Ok(());
        };
        if self.lets_in(group_id, nodes).await? {
            return Ok(());
        }
        let call = self
            .region
            .ec2()
            .authorize_security_group_ingress()
            .group_id(group_id)
            .ip_permissions(self.permission_for(nodes, Some(format!("Strait: {}", self.key))));
        already_there(self.region.change(&[Kind::Groups], call.send()).await)
    }

    async fn let_nodes_in_no_more(&self, nodes: &str) -> Result<(), Error> {
        let PublicWay::SecurityGroup { group_id, .. } = &self.service.public_way else {
            return Ok(());
        };
        if !self.lets_in(group_id, nodes).await? {
            return Ok(());
        }
        let call = self
            .region
            .ec2()
            .revoke_security_group_ingress()
            .group_id(group_id)
            .ip_permissions(self.permission_for(nodes, None));
        gone(self.region.change(&[Kind::Groups], call.send()).await)
    }

    async fn lets_in(&self, group_id: &str, nodes: &str) -> Result<bool, Error> {
        let found = self.region.service_group(group_id).await?;
        let rules = found.iter().flat_map(SecurityGroup::ip_permissions);
        let mut pairs = rules.flat_map(IpPermission::user_id_group_pairs);
        Ok(pairs.any(|pair| pair.group_id() == Some(nodes)))
    }

    fn permission_for(&self, nodes: &str, description: Option<String>) -> IpPermission {
        let nodes = UserIdGroupPair::builder().group_id(nodes);
        IpPermission::builder()
            .ip_protocol("tcp")
            .from_port(self.port())
            .to_port(self.port())
            .user_id_group_pairs(nodes.set_description(description).build())
            .build()
    }

    async fn find_nodes_group(&self) -> Result<Option<SecurityGroup>, Error> {
        Ok(self.own(&self.region.groups().await?))
    }

    async fn create_nodes_group(&self) -> Result<SecurityGroup, Error> {
        let tags = self
            .region
            .tags
            .for_ec2(ResourceType::SecurityGroup, &self.name, &self.key);
        let call = self
            .region
            .ec2_once()
            .create_security_group()
            .group_name(&self.name)
            .description(format!(
                "Made by Strait for {}: nodes that lead to {}",
                self.key, self.service.host
            ))
            .vpc_id(&self.service.vpc_id)
            .tag_specifications(tags);
        self.region.change(&[Kind::Groups], call.send()).await?;
        self.find_nodes_group()
            .await?
            .ok_or_else(|| self.not_listed("security group"))
    }
}

/// A rule that is there already is as good as one that was added.
pub(super) fn already_there<T>(added: Result<T, Error>) -> Result<(), Error> {
    match added {
        Err(error) if !error.is("InvalidPermission.Duplicate") => Err(error),
        Ok(_) | Err(_) => Ok(()),
    }
}
