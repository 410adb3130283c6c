//! A cloud in which nothing ever happens, and services that run.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use ipnet::Ipv4Net;
use strait_plane::cloud::{
    Allowed, Cloud, CloudError, CutOff, NameTarget, PeerState, PeeringObserved, PeeringSpec, Place,
    Sources, VpcObserved, VpcSpec, WayKind, WayObserved, WaySpec,
};
use strait_plane::model::{Addon, FoundBy, LogPage, LogQuery, SessionsByClient};
use strait_plane::postgres::{Ended, Origin, Postgres, PostgresError, ServiceSpec, Which};

#[derive(Default)]
pub(crate) struct Steady {
    looks: AtomicU64,
    is_silent: bool,
}

impl Steady {
    /// One that never says that anything may have changed, so that nobody looks.
    pub(crate) fn silent() -> Self {
        Self {
            is_silent: true,
            ..Self::default()
        }
    }

    /// How often a service or a VPC was looked at.
    pub(crate) fn looks(&self) -> u64 {
        self.looks.load(Ordering::Relaxed)
    }

    fn look(&self) {
        self.looks.fetch_add(1, Ordering::Relaxed);
    }
}

#[async_trait]
impl Cloud for Steady {
    fn supported_regions(&self) -> Vec<String> {
        vec!["us-east-1".to_owned()]
    }

    fn known_regions(&self) -> Vec<String> {
        self.supported_regions()
    }

    fn account(&self) -> String {
        "999999999999".to_owned()
    }

    async fn ensure_vpc(&self, vpc: &VpcSpec) -> Result<VpcObserved, CloudError> {
        self.look();
        Ok(VpcObserved {
            provisioned_id: format!("vpc-{}", vpc.id),
        })
    }

    async fn delete_vpc(&self, _: &VpcSpec) -> Result<(), CloudError> {
        Ok(())
    }

    async fn ensure_peering(&self, peering: &PeeringSpec) -> Result<PeeringObserved, CloudError> {
        // The customer's VPC carries the number of its range.
        let digits = peering.peer_vpc.len().saturating_sub(3);
        let second: u8 = peering.peer_vpc[digits..].parse().expect("a number");
        Ok(PeeringObserved {
            provisioned_id: format!("pcx-{}", peering.id),
            accepter_provisioned_id: format!("pcx-{}", peering.id),
            state: PeerState::Active,
            message: "Active".to_owned(),
            expires_at: None,
            peer_ranges: BTreeSet::from([format!("172.{second}.0.0/16").parse().expect("a range")]),
        })
    }

    async fn admit_peer(&self, _: &PeeringSpec, _: &BTreeSet<Ipv4Net>) -> Result<(), CloudError> {
        Ok(())
    }

    async fn delete_peering(&self, _: &PeeringSpec) -> Result<(), CloudError> {
        Ok(())
    }

    async fn sessions(&self, _: &WaySpec) -> Result<Option<SessionsByClient>, CloudError> {
        Ok(None)
    }

    async fn cut_off(&self, _: &WaySpec, _: &Allowed) -> Result<CutOff, CloudError> {
        Ok(CutOff::Ended(0))
    }

    async fn ensure_way(
        &self,
        way: &WaySpec,
        _: &Allowed,
        _: Option<&str>,
    ) -> Result<WayObserved, CloudError> {
        let address = match way.kind {
            WayKind::Public => Ipv4Addr::new(198, 51, 100, 7),
            WayKind::Private { .. } => Ipv4Addr::new(10, 0, 0, 1),
        };
        Ok(WayObserved {
            ready: true,
            address,
            port: 5432,
            provisioned_id: "vpce-1".to_owned(),
            host: None,
            sources: Sources::These(BTreeSet::new()),
            loopback_port: None,
        })
    }

    async fn check_registration(&self, _: &WaySpec) -> Result<(), CloudError> {
        Ok(())
    }

    async fn find_service(
        &self,
        _: &str,
        _: &FoundBy,
        _: Option<u16>,
    ) -> Result<Place, CloudError> {
        Err(CloudError::Temporary("nothing is found here".to_owned()))
    }

    async fn reopen_way(&self, _: &WaySpec) -> Result<(), CloudError> {
        Ok(())
    }

    async fn probe_way(&self, _: &WaySpec) -> Result<(), CloudError> {
        Ok(())
    }

    async fn refuse_way(&self, _: &WaySpec) -> Result<(), CloudError> {
        Ok(())
    }

    async fn remove_way(&self, _: &WaySpec) -> Result<(), CloudError> {
        Ok(())
    }

    async fn publish_names(&self, _: &BTreeMap<String, NameTarget>) -> Result<(), CloudError> {
        Ok(())
    }

    fn forget(&self, _: &str) {}

    async fn changed(&self) {
        if self.is_silent {
            std::future::pending::<()>().await;
        }
        tokio::time::sleep(Duration::from_secs(5)).await;
    }
}

#[async_trait]
impl Postgres for Steady {
    fn origin(&self) -> Origin {
        Origin::Made
    }

    async fn ensure_running(&self, _: &ServiceSpec) -> Result<(), PostgresError> {
        self.look();
        Ok(())
    }

    async fn ensure_stopped(&self, _: &ServiceSpec) -> Result<(), PostgresError> {
        Ok(())
    }

    async fn delete(&self, _: &ServiceSpec) -> Result<(), PostgresError> {
        Ok(())
    }

    async fn end_sessions(
        &self,
        _: &ServiceSpec,
        _: &Sources,
        _: Which,
    ) -> Result<Ended, PostgresError> {
        Ok(Ended::Sessions(0))
    }

    async fn advice(&self, _: &ServiceSpec) -> Option<String> {
        None
    }

    fn addons(&self) -> BTreeSet<Addon> {
        BTreeSet::new()
    }

    async fn logs(&self, _: &ServiceSpec, _: &LogQuery) -> Result<LogPage, PostgresError> {
        Ok(LogPage::default())
    }

    fn authority(&self) -> String {
        String::new()
    }

    fn authority_path(&self) -> String {
        "/ca.pem".to_owned()
    }
}
