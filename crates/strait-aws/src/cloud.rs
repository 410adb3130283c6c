//! The plane's trait, on AWS.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use ipnet::Ipv4Net;
use strait_plane::cloud::*;
use strait_plane::model::{FoundBy, SessionsByClient};

use crate::Aws;

#[async_trait]
impl Cloud for Aws {
    fn supported_regions(&self) -> Vec<String> {
        self.regions.keys().cloned().collect()
    }

    fn known_regions(&self) -> Vec<String> {
        self.known_regions.clone()
    }

    fn account(&self) -> String {
        self.account.clone()
    }

    async fn ensure_vpc(&self, vpc: &VpcSpec) -> Result<VpcObserved, CloudError> {
        self.ensure_vpc(vpc).await
    }

    async fn delete_vpc(&self, vpc: &VpcSpec) -> Result<(), CloudError> {
        self.delete_vpc(vpc).await
    }

    async fn ensure_peering(&self, peering: &PeeringSpec) -> Result<PeeringObserved, CloudError> {
        self.ensure_peering(peering).await
    }

    async fn admit_peer(
        &self,
        peering: &PeeringSpec,
        ranges: &BTreeSet<Ipv4Net>,
    ) -> Result<(), CloudError> {
        self.admit_peer(peering, ranges).await
    }

    async fn delete_peering(&self, peering: &PeeringSpec) -> Result<(), CloudError> {
        self.delete_peering(peering).await
    }

    async fn ensure_way(
        &self,
        way: &WaySpec,
        allowed: &Allowed,
        known: Option<&str>,
    ) -> Result<WayObserved, CloudError> {
        self.ensure_way(way, allowed, known).await
    }

    // AWS tells nobody whose connections its load balancers forward, and ends none because a rule is gone.
    async fn sessions(&self, _: &WaySpec) -> Result<Option<SessionsByClient>, CloudError> {
        Ok(None)
    }

    async fn cut_off(&self, _: &WaySpec, _: &Allowed) -> Result<CutOff, CloudError> {
        Ok(CutOff::GoOn)
    }

    async fn find_service(
        &self,
        region: &str,
        by: &FoundBy,
        port: Option<u16>,
    ) -> Result<Place, CloudError> {
        self.find_service(region, by, port).await
    }

    async fn check_registration(&self, way: &WaySpec) -> Result<(), CloudError> {
        self.check_registration(way).await
    }

    async fn reopen_way(&self, way: &WaySpec) -> Result<(), CloudError> {
        self.reopen_way(way).await
    }

    async fn probe_way(&self, way: &WaySpec) -> Result<(), CloudError> {
        self.probe_way(way).await
    }

    async fn refuse_way(&self, way: &WaySpec) -> Result<(), CloudError> {
        self.refuse_way(way).await
    }

    async fn remove_way(&self, way: &WaySpec) -> Result<(), CloudError> {
        self.remove_way(way).await
    }

    async fn publish_names(&self, names: &BTreeMap<String, NameTarget>) -> Result<(), CloudError> {
        self.publish_names(names).await
    }

    fn forget(&self, region: &str) {
        if let Ok(region) = self.region(region) {
            region.looks.forget_all();
        }
    }

    fn follow(&self, ways: &BTreeSet<WaySpec>) {
        self.follow(ways);
    }

    fn stir(&self, region: &str) {
        self.stir(region);
    }

    async fn changed(&self) {
        self.changed().await;
    }
}
