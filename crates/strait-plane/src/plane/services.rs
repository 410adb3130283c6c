//! Services.

use std::collections::BTreeSet;

use serde_json::json;
use sqlx::PgConnection;

use super::operations::Asked;
use super::registration::no_twin;
use super::{Named, Plane, pick};
use crate::error::PlaneError;
use crate::model::{
    Action, Addon, Caller, CreatedService, Endpoint, Environment, Network, NewService, ObjectKind,
    OperationState, Project, PublicEndpoint, Service, ServiceConnection, ServiceNetwork,
    ServiceStatus, Vpc, VpcEndpoint, VpcStatus, Wanted,
};
use crate::names::Names;
use crate::postgres;
use crate::store::services::{self, Insert, Kept, Origin};
use crate::store::{operations, projects, tell_work, vpcs};
use crate::{secret, validate};

/// Who owns a service's database, as on Tiger.
const USER: &str = "tsdbadmin";
/// How long a key must be for a password to be made of it.
const KEY_LENGTH: usize = 16;
/// A service's database, as on Tiger.
const DATABASE: &str = "tsdb";

/// What a new service is written down with, made or registered.
pub(super) struct New<'a> {
    pub(super) project: &'a Project,
    pub(super) region: &'a str,
    pub(super) name: Option<&'a str>,
    pub(super) origin: Origin,
    pub(super) vpc: Option<&'a Vpc>,
    pub(super) environment: Environment,
    pub(super) addons: &'a BTreeSet<Addon>,
    /// What its password can be told again by.
    pub(super) salt: Option<String>,
}

impl Named for Kept {
    const KIND: &'static str = "service";

    fn id(&self) -> &str {
        &self.id
    }

    fn provisioned_id(&self) -> Option<&str> {
        None
    }

    fn is_leaving(&self) -> bool {
        self.wanted == Wanted::Deleted
    }
}

impl Plane {
    /// Asks for a service. Its password is in this answer only.
    pub async fn create_service(
        &self,
        project: &str,
        new: NewService,
    ) -> Result<CreatedService, PlaneError> {
        if self.context.postgres.origin() == postgres::Origin::Registered {
            return Err(PlaneError::conflict(
                "this Strait makes no PostgreSQL services; register one that exists: `strait service register`",
            ));
        }
        let project = self.project(project).await?;
        let region = validate::region(
            "region_code",
            new.region_code.trim(),
            &self.supported_regions(),
        )?;
        let vpc = match &new.vpc {
            Some(vpc) => Some(self.vpc(&project.id, vpc).await?),
            None => None,
        };
        self.can_have(&new.addons)?;
        let (initial_password, salt) = self.password();
        let new = New {
            project: &project,
            region: &region,
            name: new.name.as_deref(),
            origin: Origin::Made(secret::scram_verifier(&initial_password)),
            vpc: vpc.as_ref(),
            environment: new.environment,
            addons: &new.addons,
            salt,
        };
        Ok(CreatedService {
            service: self.insert_service(new).await?,
            initial_password,
        })
    }

    /// Writes down a service that was asked for, and has it worked on.
    pub(super) async fn insert_service(&self, new: New<'_>) -> Result<Service, PlaneError> {
        let id = secret::object_id();
        let name = match new.name {
            Some(name) => validate::name(name)?,
            None => format!("db-{id}"),
        };
        let mut tx = self.pool().begin().await?;
        if !projects::lock(&mut tx, &new.project.id).await? {
            return Err(PlaneError::not_found("project", &new.project.id));
        }
        if let Some(vpc) = new.vpc {
            usable(
                vpcs::lock(&mut tx, &vpc.id).await?,
                vpc,
                new.region,
                &format!("{name:?}"),
            )?;
        }
        match &new.origin {
            Origin::Made(_) => {}
            Origin::Registered(registration) => no_twin(&mut tx, registration).await?,
        }
        let insert = Insert {
            id: &id,
            project: &new.project.id,
            name: &name,
            region: new.region,
            origin: &new.origin,
            vpc: new.vpc.map(|vpc| vpc.id.as_str()),
            environment: new.environment,
            addons: new.addons,
        };
        services::insert(&mut *tx, &insert).await?;
        let network = Network::from_vpc(new.vpc.map(|vpc| vpc.id.clone()));
        let action = match &new.origin {
            Origin::Made(_) => Action::ServiceCreate,
            Origin::Registered(_) => Action::ServiceRegister,
        };
        let asked = Asked {
            salt: new.salt.as_deref(),
            ..self.asked(action, &new.project.id, &id, &name)
        };
        let after = json!({ "name": name, "region_code": new.region, "network": network });
        self.note(
            &mut tx,
            asked.becomes(Wanted::Running, Some(&network)),
            json!({}),
            after,
        )
        .await?;
        tell_work(&mut *tx, "service", &id).await?;
        tx.commit().await?;
        self.service(&new.project.id, &id).await
    }

    /// A project's services, oldest first.
    pub async fn list_services(&self, project: &str) -> Result<Vec<Service>, PlaneError> {
        let project = self.project(project).await?;
        let kept = services::list(self.pool(), &project.id).await?;
        Ok(kept.into_iter().map(|kept| self.shown(kept)).collect())
    }

    /// One service.
    pub async fn service(&self, project: &str, service: &str) -> Result<Service, PlaneError> {
        Ok(self.shown(self.find_service(project, service).await?))
    }

    /// Gives a service another name. Its host names hold its id and stay.
    pub async fn rename_service(
        &self,
        project: &str,
        service: &str,
        name: &str,
    ) -> Result<Service, PlaneError> {
        let kept = self.find_service(project, service).await?;
        let name = validate::name(name)?;
        let mut tx = self.pool().begin().await?;
        services::rename(&mut *tx, &kept.id, &name).await?;
        let asked = self.asked(Action::ServiceRename, &kept.project_id, &kept.id, &name);
        let (before, after) = (json!({ "name": kept.name }), json!({ "name": name }));
        self.note(&mut tx, asked, before, after).await?;
        tx.commit().await?;
        self.service(&kept.project_id, &kept.id).await
    }

    /// Asks for the end of a service with its data, whatever else was asked of it. It is `DELETING` at first.
    pub async fn delete_service(
        &self,
        project: &str,
        service: &str,
    ) -> Result<Service, PlaneError> {
        let kept = self.find_service(project, service).await?;
        self.wish(&kept, Action::ServiceDelete, 0, |_, network| {
            Ok((Wanted::Deleted, network))
        })
        .await
    }

    /// Starts a stopped service. One that runs is a success.
    pub async fn start_service(&self, project: &str, service: &str) -> Result<Service, PlaneError> {
        let kept = self.find_service(project, service).await?;
        self.wish(
            &kept,
            Action::ServiceStart,
            0,
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
            Action::ServiceStop,
            0,
            |wanted, network| match wanted {
                Wanted::Running | Wanted::Paused => Ok((Wanted::Paused, network)),
                Wanted::Deleted => Err(deleted(&kept)),
            },
        )
        .await
    }

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
        let drain_seconds = validate::drain(drain_seconds)?;
        let mut tx = self.pool().begin().await?;
        // The VPC's row first, as its deletion does.
        let status = vpcs::lock(&mut tx, &vpc.id).await?;
        let Some((wanted, network)) = services::lock(&mut tx, &kept.id).await? else {
            return Err(PlaneError::not_found("service", service));
        };
        movable(&kept, wanted, "attached")?;
        usable(
            status,
            &vpc,
            &kept.region_code,
            &format!("{} ({:?})", kept.id, kept.name),
        )?;
        let target = Network::Vpc(vpc.id.clone());
        if network != target {
            let asked = Asked {
                drain_seconds,
                ..self.asked(
                    Action::ServiceAttach,
                    &kept.project_id,
                    &kept.id,
                    &kept.name,
                )
            };
            self.want(
                &mut tx,
                asked,
                (wanted, &network),
                (Wanted::Running, &target),
            )
            .await?;
            tx.commit().await?;
        }
        self.service(&kept.project_id, &kept.id).await
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
        let drain_seconds = validate::drain(drain_seconds)?;
        self.wish(
            &kept,
            Action::ServiceDetach,
            drain_seconds,
            |wanted, network| {
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
                    (Network::Public | Network::Vpc(_), _) => {
                        Ok((Wanted::Running, Network::Public))
                    }
                }
            },
        )
        .await
    }

    /// How to connect to a service now.
    pub async fn service_connection(
        &self,
        project: &str,
        service: &str,
    ) -> Result<ServiceConnection, PlaneError> {
        let kept = self.find_service(project, service).await?;
        let Some(current) = &kept.current else {
            return Err(PlaneError::conflict(format!(
                "service {} ({:?}) is {} and has no address yet; wait until it is READY",
                kept.id, kept.name, kept.status
            )));
        };
        let host = Names::of(&kept.id, &kept.project_id, self.domain()).stable;
        let sslrootcert = self.authority_path();
        let login = match &kept.origin {
            Origin::Made(_) => Some((USER, DATABASE)),
            Origin::Registered(_) => None,
        };
        let rest = match login {
            Some((user, database)) => format!(
                "user={user} dbname={database} sslmode=verify-full sslrootcert={}",
                quoted(&sslrootcert)
            ),
            // Its certificate holds its own name, which `host` is not.
            None => format!("sslmode=verify-ca sslrootcert={}", quoted(&sslrootcert)),
        };
        let port = current.open.port;
        let explanation = match &current.network {
            Network::Public if current.open.loopback_port.is_some() => {
                "`dsn` works from the internet, `dsn_from_here` on the machine that Strait runs on"
                    .to_owned()
            }
            // How public it is, its operator knows.
            Network::Public => "`dsn` works from where the service itself is reached".to_owned(),
            Network::Vpc(vpc) => format!(
                "`dsn` works from customers' VPCs that are peered with Peering VPC {vpc}, and from nowhere else"
            ),
        };
        Ok(ServiceConnection {
            dsn: format!("host={host} port={port} {rest}"),
            dsn_from_here: current
                .open
                .loopback_port
                .filter(|_| current.network == Network::Public)
                .map(|port| format!("hostaddr=127.0.0.1 port={port} host={host} {rest}")),
            service_id: kept.id.clone(),
            network: current.network.clone(),
            host,
            port,
            user: login.map(|(user, _)| user.to_owned()),
            dbname: login.map(|(_, database)| database.to_owned()),
            sslrootcert,
            explanation,
        })
    }

    pub(super) async fn find_service(
        &self,
        project: &str,
        service: &str,
    ) -> Result<Kept, PlaneError> {
        let project = self.project(project).await?;
        pick(
            services::named(self.pool(), &project.id, service).await?,
            service,
        )
    }

    /// Writes a wish that depends on what was wished for before; the same wish again is none.
    async fn wish(
        &self,
        kept: &Kept,
        action: Action,
        drain_seconds: u32,
        decide: impl FnOnce(Wanted, Network) -> Result<(Wanted, Network), PlaneError>,
    ) -> Result<Service, PlaneError> {
        let mut tx = self.pool().begin().await?;
        let Some(before) = services::lock(&mut tx, &kept.id).await? else {
            return Err(PlaneError::not_found("service", &kept.id));
        };
        let after = decide(before.0, before.1.clone())?;
        if after != before {
            let asked = Asked {
                drain_seconds,
                ..self.asked(action, &kept.project_id, &kept.id, &kept.name)
            };
            self.want(&mut tx, asked, (before.0, &before.1), (after.0, &after.1))
                .await?;
        }
        // Read here: once it is committed, a deletion may be over before we look.
        let now = services::get(&mut *tx, &kept.id).await?;
        tx.commit().await?;
        let now = now.ok_or_else(|| PlaneError::not_found("service", &kept.id))?;
        Ok(self.shown(now))
    }

    /// Asks for a service to be public again, because its Peering VPC is to be deleted.
    pub(super) async fn detach_from(
        &self,
        tx: &mut PgConnection,
        vpc: &Vpc,
        service: &str,
    ) -> Result<(), PlaneError> {
        let Some((wanted, network)) = services::lock(&mut *tx, service).await? else {
            return Ok(());
        };
        let Some(kept) = services::get(&mut *tx, service).await? else {
            return Ok(());
        };
        if network.vpc() != Some(&vpc.id) || wanted == Wanted::Deleted {
            return Ok(());
        }
        movable(&kept, wanted, "detached")?;
        // The request's key stands for the deletion, which has others' detachments in its wake.
        let this = self.by(Caller {
            once: None,
            ..Caller::clone(&self.caller)
        });
        let asked = this.asked(
            Action::ServiceDetach,
            &kept.project_id,
            &kept.id,
            &kept.name,
        );
        this.want(
            tx,
            asked,
            (wanted, &network),
            (Wanted::Running, &Network::Public),
        )
        .await?;
        Ok(())
    }

    /// Writes a wish, as an operation that waits for its turn.
    pub(super) async fn want(
        &self,
        tx: &mut PgConnection,
        asked: Asked<'_>,
        before: (Wanted, &Network),
        after: (Wanted, &Network),
    ) -> Result<String, PlaneError> {
        let service = asked.object_id;
        services::want(&mut *tx, service, after.0, after.1).await?;
        let words =
            |(wanted, network): (Wanted, &Network)| json!({ "wanted": wanted, "network": network });
        let moves = (before.1 != after.1).then_some(after.1);
        let asked = asked.becomes(after.0, moves);
        let id = self.note(tx, asked, words(before), words(after)).await?;
        if after.0 == Wanted::Deleted {
            operations::cancel_others(tx, ObjectKind::Service, service, &id).await?;
        }
        tell_work(&mut *tx, "service", service).await?;
        Ok(id)
    }

    /// A new service's password, and what it can be told again by, if whoever asks has a key that is hard to guess.
    fn password(&self) -> (String, Option<String>) {
        match &self.caller.once {
            Some(once) if once.key.len() >= KEY_LENGTH => {
                let salt = secret::salt();
                (secret::password_of(&once.key, &salt), Some(salt))
            }
            Some(_) | None => (secret::password(), None),
        }
    }

    fn shown(&self, kept: Kept) -> Service {
        let names = Names::of(&kept.id, &kept.project_id, self.domain());
        let network = ServiceNetwork {
            settled: !kept.others
                && kept
                    .current
                    .as_ref()
                    .is_some_and(|now| now.network == kept.wanted_network),
            wanted: kept.wanted_network,
            now: kept.current.as_ref().map(|current| current.network.clone()),
        };
        let failed = (kept.last.as_ref())
            .filter(|last| last.state == OperationState::Failed)
            .and_then(|last| last.reason.clone());
        let reason = kept.reason.or(failed);
        let endpoint = kept.current.as_ref().map(|current| Endpoint {
            host: names.stable,
            port: current.open.port,
            address: current.open.address,
        });
        let (public_endpoint, vpc_endpoint) = match kept.current {
            None => (None, None),
            Some(current) => match current.network {
                Network::Public => {
                    let public = PublicEndpoint {
                        host: names.public,
                        port: current.open.port,
                        address: current.open.address,
                        loopback_port: current.open.loopback_port,
                    };
                    (Some(public), None)
                }
                Network::Vpc(vpc_id) => {
                    let private = VpcEndpoint {
                        host: names.vpc,
                        port: current.open.port,
                        vpc_id,
                        address: current.open.address,
                        provisioned_id: current.open.provisioned_id,
                    };
                    (None, Some(private))
                }
            },
        };
        Service {
            service_id: kept.id,
            project_id: kept.project_id,
            name: kept.name,
            region_code: kept.region_code,
            status: match kept.wanted {
                Wanted::Deleted => ServiceStatus::Deleting,
                Wanted::Running | Wanted::Paused => kept.status,
            },
            wanted: kept.wanted,
            environment: kept.environment,
            addons: kept.addons,
            network,
            registration: match kept.origin {
                Origin::Made(_) => None,
                Origin::Registered(registration) => Some(registration),
            },
            endpoint,
            public_endpoint,
            vpc_endpoint,
            error_message: reason.as_ref().map(|reason| reason.message.clone()),
            reason,
            notice: kept.notice,
            operation_id: kept.last.map(|last| last.id),
            created: kept.created,
            updated: kept.updated,
        }
    }
}

/// Whether a service may be reached through this VPC.
fn usable(
    status: Option<VpcStatus>,
    vpc: &Vpc,
    region: &str,
    service: &str,
) -> Result<(), PlaneError> {
    match status {
        None => return Err(PlaneError::not_found("VPC", &vpc.id)),
        Some(VpcStatus::Created) => {}
        Some(status @ (VpcStatus::Creating | VpcStatus::Deleting | VpcStatus::Failed)) => {
            return Err(PlaneError::conflict(format!(
                "VPC {} ({:?}) is {status}, and must be CREATED for services to be attached to it",
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

/// A move is probed end to end, so that the service must run.
fn movable(kept: &Kept, wanted: Wanted, verb: &str) -> Result<(), PlaneError> {
    match wanted {
        Wanted::Running => Ok(()),
        Wanted::Paused => Err(PlaneError::conflict(format!(
            "service {} ({:?}) is stopped and cannot be {verb}; start it first",
            kept.id, kept.name
        ))),
        Wanted::Deleted => Err(deleted(kept)),
    }
}

pub(super) fn deleted(kept: &Kept) -> PlaneError {
    PlaneError::conflict(format!(
        "service {} ({:?}) is being deleted",
        kept.id, kept.name
    ))
}

/// A value of a connection string, as libpq reads it.
fn quoted(value: &str) -> String {
    let plain =
        !value.is_empty() && !value.contains(|c: char| c.is_whitespace() || c == '\'' || c == '\\');
    if plain {
        return value.to_owned();
    }
    format!("'{}'", value.replace('\\', "\\\\").replace('\'', "\\'"))
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn values_are_quoted_as_libpq_reads_them() {
        assert_eq!(quoted("/var/lib/ca.pem"), "/var/lib/ca.pem");
        assert_eq!(quoted("/home/a b/ca.pem"), "'/home/a b/ca.pem'");
        assert_eq!(quoted(r"it's \ here"), r"'it\'s \\ here'");
        assert_eq!(quoted(""), "''");
    }
}
