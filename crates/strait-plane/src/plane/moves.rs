//! What services are to be: moved between networks, started, stopped, deleted.

use super::Plane;
use crate::error::PlaneError;
use crate::model::{Action, Network, Service, Vpc, VpcStatus, Wanted};
use crate::store::services::{self, Kept, Origin};
use crate::store::vpcs;
use crate::validate;
use crate::wish::{self, Asked, deleted, movable};

/// What a service is asked to become, but for what it is to be.
struct Change<'a> {
    action: Action,
    drain_seconds: u32,
    /// The VPC that it is to be reached through.
    into: Option<&'a Vpc>,
}

impl Change<'_> {
    fn of(action: Action) -> Self {
        Self {
            action,
            drain_seconds: 0,
            into: None,
        }
    }
}

impl Plane {
    /// Asks for a service to be reached through this Peering VPC only, wherever it is now, once what was asked of it before
    /// is done. The former way stays open for `drain_seconds` beside the new one. Returns at once.
    pub async fn attach_service(
        &self,
        project: &str,
        service: &str,
        vpc: &str,
        drain_seconds: u32,
    ) -> Result<Service, PlaneError> {
        let kept = self.find_service(project, service).await?;
        let vpc = self.vpc(&kept.project_id, vpc).await?;
        let change = Change {
            action: Action::ServiceAttach,
            drain_seconds: validate::drain(drain_seconds)?,
            into: Some(&vpc),
        };
        self.wish(&kept, change, |wanted, _| {
            movable(&kept, wanted, "attached")?;
            Ok((Wanted::Running, Network::Vpc(vpc.id.clone())))
        })
        .await
    }

    /// Asks for a service to be public again, once what was asked of it before is done. With `vpc`, only if it is attached
    /// to that one. The private way stays open for `drain_seconds` beside the public one. Returns at once.
    pub async fn detach_service(
        &self,
        project: &str,
        service: &str,
        vpc: Option<&str>,
        drain_seconds: u32,
    ) -> Result<Service, PlaneError> {
        let kept = self.find_service(project, service).await?;
        let from = match vpc {
            Some(vpc) => Some(self.vpc(&kept.project_id, vpc).await?),
            None => None,
        };
        let change = Change {
            action: Action::ServiceDetach,
            drain_seconds: validate::drain(drain_seconds)?,
            into: None,
        };
        self.wish(&kept, change, |wanted, network| {
            movable(&kept, wanted, "detached")?;
            match (&network, &from) {
                (Network::Public, Some(from)) => Err(PlaneError::conflict(format!(
                    "service {} ({:?}) is not attached to VPC {} ({:?}): it is public",
                    kept.id, kept.name, from.id, from.name
                ))),
                (Network::Vpc(id), Some(from)) if *id != from.id => {
                    Err(PlaneError::conflict(format!(
                        "service {} ({:?}) is not attached to VPC {} ({:?}) but to VPC {id}",
                        kept.id, kept.name, from.id, from.name
                    )))
                }
                (Network::Public | Network::Vpc(_), _) => Ok((Wanted::Running, Network::Public)),
            }
        })
        .await
    }

    /// Starts a stopped service. One that runs is a success.
    pub async fn start_service(&self, project: &str, service: &str) -> Result<Service, PlaneError> {
        let kept = self.find_service(project, service).await?;
        self.wish(
            &kept,
            Change::of(Action::ServiceStart),
            |wanted, network| match wanted {
                Wanted::Running | Wanted::Paused => Ok((Wanted::Running, network)),
                Wanted::Deleted => Err(deleted(&kept)),
            },
        )
        .await
    }

    /// Stops a service; its data, names and ways stay. One that is stopped is a success.
    pub async fn stop_service(&self, project: &str, service: &str) -> Result<Service, PlaneError> {
        let kept = self.find_service(project, service).await?;
        if let Origin::Registered(registration) = &kept.origin {
            return Err(PlaneError::conflict(format!(
                "service {} ({:?}) is a PostgreSQL that Strait did not make; stop it where it runs ({})",
                kept.id, kept.name, registration.host
            )));
        }
        self.wish(
            &kept,
            Change::of(Action::ServiceStop),
            |wanted, network| match wanted {
                Wanted::Running | Wanted::Paused => Ok((Wanted::Paused, network)),
                Wanted::Deleted => Err(deleted(&kept)),
            },
        )
        .await
    }

    /// Asks for the end of a service with its data, whatever else was asked of it. It is `DELETING` at first.
    pub async fn delete_service(
        &self,
        project: &str,
        service: &str,
    ) -> Result<Service, PlaneError> {
        let kept = self.find_service(project, service).await?;
        let change = Change::of(Action::ServiceDelete);
        self.wish(&kept, change, |_, network| Ok((Wanted::Deleted, network)))
            .await
    }

    /// Writes a wish that depends on what was wished for before; the same wish again is none.
    async fn wish(
        &self,
        kept: &Kept,
        change: Change<'_>,
        decide: impl FnOnce(Wanted, Network) -> Result<(Wanted, Network), PlaneError>,
    ) -> Result<Service, PlaneError> {
        let mut tx = self.begin().await?;
        if let Some(vpc) = change.into {
            // The VPC's row first, as its deletion does.
            let status = vpcs::lock(&mut tx, &vpc.id).await?;
            let service = format!("{} ({:?})", kept.id, kept.name);
            usable(status, vpc, &kept.region_code, &service)?;
        }
        let Some(before) = services::lock(&mut tx, &kept.id).await? else {
            return Err(PlaneError::not_found("service", &kept.id));
        };
        let after = decide(before.0, before.1.clone())?;
        if after != before {
            let asked = Asked {
                drain_seconds: change.drain_seconds,
                ..Asked::of(change.action, kept)
            };
            let (before, after) = ((before.0, &before.1), (after.0, &after.1));
            wish::want(&mut tx, &self.caller, asked, before, after).await?;
        }
        // Read here: once it is committed, a deletion may be over before we look.
        let now = services::get(&mut *tx, &kept.id).await?;
        tx.commit().await?;
        let now = now.ok_or_else(|| PlaneError::not_found("service", &kept.id))?;
        Ok(self.shown(now))
    }
}

/// Refuses what cannot be reached through this VPC.
pub(super) fn usable(
    status: Option<VpcStatus>,
    vpc: &Vpc,
    region: &str,
    service: &str,
) -> Result<(), PlaneError> {
    match status {
        None => return Err(PlaneError::not_found("VPC", &vpc.id)),
        // One that is just being made is waited for.
        Some(VpcStatus::Creating | VpcStatus::Created) => {}
        Some(status @ (VpcStatus::Deleting | VpcStatus::Failed)) => {
            return Err(PlaneError::conflict(format!(
                "VPC {} ({:?}) is {status}, and no services can be attached to it; use another one",
                vpc.id, vpc.name
            )));
        }
    }
    if vpc.region_code != region {
        return Err(PlaneError::conflict(format!(
            "service {service} is in {region} and VPC {} ({:?}) in {}; attach it to a VPC in its own Region",
            vpc.id, vpc.name, vpc.region_code
        )));
    }
    Ok(())
}
