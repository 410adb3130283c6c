//! The plane's two traits, on the local cloud.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use async_trait::async_trait;
use ipnet::Ipv4Net;
use strait_plane::cloud::*;
use strait_plane::model::{Addon, FoundBy, LogPage, LogQuery, SessionsByClient};
use strait_plane::postgres::{
    Ended, Made, Origin, Postgres, PostgresError, ServiceKind, ServiceSpec, Which,
};

use super::Local;
use crate::LocalError;

/// How long [`Cloud::changed`] waits at most.
const QUIET: Duration = Duration::from_secs(5);

#[async_trait]
impl Cloud for Local {
    fn supported_regions(&self) -> Vec<String> {
        SUPPORTED_REGIONS.iter().map(ToString::to_string).collect()
    }

    fn known_regions(&self) -> Vec<String> {
        strait_vpc::state::regions()
            .iter()
            .filter(|region| region.is_enabled())
            .map(|region| region.code.to_owned())
            .collect()
    }

    fn account(&self) -> String {
        self.inner.provider.clone()
    }

    async fn ensure_vpc(&self, vpc: &VpcSpec) -> Result<VpcObserved, CloudError> {
        self.make_vpc(vpc).await
    }

    async fn delete_vpc(&self, vpc: &VpcSpec) -> Result<(), CloudError> {
        self.unmake_vpc(vpc).await
    }

    async fn ensure_peering(&self, peering: &PeeringSpec) -> Result<PeeringObserved, CloudError> {
        self.make_peering(peering).await
    }

    async fn admit_peer(
        &self,
        peering: &PeeringSpec,
        ranges: &BTreeSet<Ipv4Net>,
    ) -> Result<(), CloudError> {
        self.admit(peering, ranges).await
    }

    async fn delete_peering(&self, peering: &PeeringSpec) -> Result<(), CloudError> {
        self.unmake_peering(peering).await
    }

    // There is one of each, by its key.
    async fn ensure_way(
        &self,
        way: &WaySpec,
        allowed: &Allowed,
        _: Option<&str>,
    ) -> Result<WayObserved, CloudError> {
        self.make_way(way, allowed).await
    }

    async fn sessions(&self, way: &WaySpec) -> Result<Option<SessionsByClient>, CloudError> {
        self.sessions_by(way).await.map(Some)
    }

    async fn cut_off(&self, way: &WaySpec, allowed: &Allowed) -> Result<CutOff, CloudError> {
        self.cut(way, allowed).await
    }

    async fn find_service(
        &self,
        _region: &str,
        _by: &FoundBy,
        _port: Option<u16>,
    ) -> Result<Place, CloudError> {
        Err(CloudError::Refused {
            code: "service_not_made".to_owned(),
            message: "the local cloud has those services only that it made".to_owned(),
        })
    }

    async fn check_registration(&self, way: &WaySpec) -> Result<(), CloudError> {
        Err(not_made(way))
    }

    async fn reopen_way(&self, way: &WaySpec) -> Result<(), CloudError> {
        Err(not_made(way))
    }

    async fn probe_way(&self, way: &WaySpec) -> Result<(), CloudError> {
        self.prove_way(way).await
    }

    async fn refuse_way(&self, way: &WaySpec) -> Result<(), CloudError> {
        self.close_way(way).await
    }

    async fn remove_way(&self, way: &WaySpec) -> Result<(), CloudError> {
        self.unmake_way(way).await
    }

    async fn publish_names(&self, names: &BTreeMap<String, NameTarget>) -> Result<(), CloudError> {
        // Addresses of the local cloud stay as long as the way does.
        let addresses = (names.iter())
            .map(|(name, target)| (name.clone(), target.address))
            .collect();
        self.rename(&addresses)
            .await
            .map_err(|error| CloudError::Temporary(error.to_string()))
    }

    async fn traffic(&self) -> Option<BTreeMap<(String, String), Traffic>> {
        Some(self.count_traffic().await)
    }

    // The local cloud has one server, which all that it knows goes through.
    fn forget(&self, _region: &str) {}

    async fn changed(&self) {
        // Either way the caller looks again.
        let _ = tokio::time::timeout(QUIET, self.inner.changed.notified()).await;
    }
}

#[async_trait]
impl Postgres for Local {
    fn origin(&self) -> Origin {
        Origin::Made
    }

    async fn ensure_running(&self, service: &ServiceSpec) -> Result<(), PostgresError> {
        let place = self
            .place(&service.id, &service.region)
            .await
            .map_err(from_cloud)?;
        self.inner
            .engine
            .ensure_running(place.instance.as_str(), &service.id, made(service)?)
            .await
            .map_err(|error| from_local(&error))
    }

    async fn ensure_stopped(&self, service: &ServiceSpec) -> Result<(), PostgresError> {
        self.inner
            .engine
            .ensure_stopped(&service.id)
            .await
            .map_err(|error| from_local(&error))
    }

    async fn delete(&self, service: &ServiceSpec) -> Result<(), PostgresError> {
        self.inner
            .engine
            .delete(&service.id)
            .await
            .map_err(|error| from_local(&error))?;
        self.forget_forwarding(&service.id)
            .await
            .map_err(|error| from_local(&error))?;
        self.remove_place(&service.id, &service.region)
            .await
            .map_err(from_cloud)
    }

    async fn end_sessions(
        &self,
        service: &ServiceSpec,
        sources: &Sources,
        which: Which,
    ) -> Result<Ended, PostgresError> {
        let Sources::These(sources) = sources else {
            return Err(PostgresError::Failed(
                "the local cloud knows by which addresses sessions come; this is a defect of Strait"
                    .to_owned(),
            ));
        };
        let Some(host) = self.service_host(&service.id).await else {
            return Ok(Ended::Sessions(0));
        };
        self.inner
            .engine
            .end_sessions(host.as_str(), &service.id, sources, which)
            .await
            .map(Ended::Sessions)
            .map_err(|error| from_local(&error))
    }

    async fn advice(&self, _service: &ServiceSpec) -> Option<String> {
        // What it makes, it makes right.
        None
    }

    fn addons(&self) -> BTreeSet<Addon> {
        self.inner.engine.addons()
    }

    async fn logs(
        &self,
        service: &ServiceSpec,
        query: &LogQuery,
    ) -> Result<LogPage, PostgresError> {
        let logs = self.inner.engine.logs(&service.id, query).await;
        logs.map_err(|error| from_local(&error))
    }

    fn authority(&self) -> String {
        self.inner.engine.authority()
    }

    fn authority_path(&self) -> String {
        self.inner.engine.authority_path().display().to_string()
    }
}

/// Regions where the local cloud offers Peering VPCs and services: Tiger Cloud's.
const SUPPORTED_REGIONS: &[&str] = &[
    "ap-northeast-1",
    "ap-south-1",
    "ap-southeast-1",
    "ap-southeast-2",
    "ca-central-1",
    "eu-central-1",
    "eu-west-1",
    "eu-west-2",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-west-2",
];

fn not_made(way: &WaySpec) -> CloudError {
    CloudError::Refused {
        code: "service_not_made".to_owned(),
        message: format!(
            "service {} was registered, and the local cloud has those only that it made",
            way.service
        ),
    }
}

fn made(service: &ServiceSpec) -> Result<&Made, PostgresError> {
    match &service.kind {
        ServiceKind::Made(made) => Ok(made),
        ServiceKind::Registered(_) => Err(PostgresError::Failed(format!(
            "service {} was registered, and the local cloud has those only that it made",
            service.id
        ))),
    }
}

fn from_cloud(error: CloudError) -> PostgresError {
    match error {
        CloudError::Refused { .. } => PostgresError::Failed(error.to_string()),
        CloudError::Temporary(why) | CloudError::InProgress(why) => PostgresError::Temporary(why),
    }
}

fn from_local(error: &LocalError) -> PostgresError {
    if error.is_temporary() {
        return PostgresError::Temporary(error.to_string());
    }
    PostgresError::Failed(error.to_string())
}
