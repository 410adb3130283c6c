//! Services: what they are, and how they are reached.

use std::collections::BTreeSet;

use serde_json::json;

use super::moves::usable;
use super::quotas::one_more;
use super::registration::no_twin;
use super::{Named, Plane, pick};
use crate::error::PlaneError;
use crate::model::{
    Action, Addon, CreatedService, Endpoint, Environment, Network, NewService, OperationState,
    Project, PublicEndpoint, Quota, Service, ServiceConnection, ServiceNetwork, ServiceStatus, Vpc,
    VpcEndpoint, Wanted,
};
use crate::names::Names;
use crate::postgres;
use crate::store::services::{self, Insert, Kept, Origin};
use crate::store::{Take, projects, take, tell_work, vpcs};
use crate::wish::Asked;
use crate::{secret, validate};

/// Who owns a service's database, as on Tiger.
const USER: &str = "tsdbadmin";
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
    const KIND: &'static str = <Self as Take>::KIND;

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
    /// Whether this Strait makes services; else it takes those that exist.
    pub fn makes_services(&self) -> bool {
        match self.context.postgres.origin() {
            postgres::Origin::Made => true,
            postgres::Origin::Registered => false,
        }
    }

    /// Asks for a service. Its password is in this answer only.
    pub async fn create_service(
        &self,
        project: &str,
        new: NewService,
    ) -> Result<CreatedService, PlaneError> {
        if !self.makes_services() {
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
        let mut tx = self.begin().await?;
        if !projects::lock(&mut tx, &new.project.id).await? {
            return Err(PlaneError::not_found("project", &new.project.id));
        }
        one_more(&mut tx, &new.project.id, Quota::Services).await?;
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
            ..Asked::new(action, &new.project.id, &id, &name)
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
        let mut tx = self.begin().await?;
        let kept: Kept = take(&mut tx, &kept.id).await?;
        services::rename(&mut *tx, &kept.id, &name).await?;
        let asked = Asked::new(Action::ServiceRename, &kept.project_id, &kept.id, &name);
        let (before, after) = (json!({ "name": kept.name }), json!({ "name": name }));
        self.note(&mut tx, asked, before, after).await?;
        tx.commit().await?;
        self.service(&kept.project_id, &kept.id).await
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

    /// A new service's password, and what it can be told again by, if whoever asks has a key that is hard to guess.
    fn password(&self) -> (String, Option<String>) {
        match &self.caller.once {
            Some(once) if once.makes_secrets() => {
                let salt = secret::salt();
                (secret::password_of(&once.key, &salt), Some(salt))
            }
            Some(_) | None => (secret::password(), None),
        }
    }

    pub(super) fn shown(&self, kept: Kept) -> Service {
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
            allow_lists: kept.allow,
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
