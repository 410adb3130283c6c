//! What is done with a service while it goes on: its password, what it is for, its log.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::json;

use super::Plane;
use crate::error::PlaneError;
use crate::model::{Action, Addon, Environment, LogPage, LogQuery, Operation, Service, Wanted};
use crate::names::Names;
use crate::postgres::PostgresError;
use crate::reconcile::spec;
use crate::store::services::{self, Kept, Origin};
use crate::store::take;
use crate::wish::{self, Asked, deleted};
use crate::{secret, validate};

/// How long the answer waits until PostgreSQL has been told a password.
const PASSWORD_PATIENCE: Duration = Duration::from_secs(20);

/// How many entries one page of a log has at most.
const LOG_PAGE: usize = 500;

impl Plane {
    /// Gives `tsdbadmin` another password, and waits until PostgreSQL knows it. Sessions go on. A service that is stopped
    /// has it when it starts.
    pub async fn set_service_password(
        &self,
        project: &str,
        service: &str,
        password: &str,
    ) -> Result<Operation, PlaneError> {
        let kept = self.find_service(project, service).await?;
        if let Origin::Registered(registration) = &kept.origin {
            return Err(PlaneError::conflict(format!(
                "service {} ({:?}) is a PostgreSQL that Strait did not make, and whose users it does not know; change passwords where it is ({})",
                kept.id, kept.name, registration.host
            )));
        }
        validate::service_password(password)?;
        let verifier = secret::scram_verifier(password);
        let mut tx = self.begin().await?;
        let Some((wanted, network)) = services::lock(&mut tx, &kept.id).await? else {
            return Err(PlaneError::not_found("service", service));
        };
        if wanted == Wanted::Deleted {
            return Err(deleted(&kept));
        }
        services::set_verifier(&mut *tx, &kept.id, &verifier).await?;
        let asked = Asked::of(Action::ServicePassword, &kept);
        let same = (wanted, &network);
        let operation = wish::want(&mut tx, &self.caller, asked, same, same).await?;
        tx.commit().await?;
        self.operation_ended(&kept.project_id, &operation, PASSWORD_PATIENCE)
            .await
    }

    /// Says what a service is for.
    pub async fn set_service_environment(
        &self,
        project: &str,
        service: &str,
        environment: Environment,
    ) -> Result<Service, PlaneError> {
        let kept = self.find_service(project, service).await?;
        let mut tx = self.begin().await?;
        let kept: Kept = take(&mut tx, &kept.id).await?;
        services::set_environment(&mut *tx, &kept.id, environment).await?;
        let asked = Asked::of(Action::ServiceEnvironment, &kept);
        let (before, after) = (
            json!({ "environment": kept.environment }),
            json!({ "environment": environment }),
        );
        self.note(&mut tx, asked, before, after).await?;
        tx.commit().await?;
        self.service(&kept.project_id, &kept.id).await
    }

    /// A page of a service's own log, the newest entries first.
    pub async fn service_logs(
        &self,
        project: &str,
        service: &str,
        query: &LogQuery,
    ) -> Result<LogPage, PlaneError> {
        let kept = self.find_service(project, service).await?;
        if let Origin::Registered(registration) = &kept.origin {
            return Err(PlaneError::conflict(format!(
                "service {} ({:?}) is a PostgreSQL that Strait did not make; its log is where it runs ({})",
                kept.id, kept.name, registration.host
            )));
        }
        let query = LogQuery {
            limit: query.limit.clamp(1, LOG_PAGE),
            ..query.clone()
        };
        let postgres = &self.context.postgres;
        postgres
            .logs(&spec(&self.context, &kept), &query)
            .await
            .map_err(|error| unreadable(&kept, &error))
    }

    /// The name that a service has from the start and keeps, wherever it is reached.
    pub fn stable_host(&self, service: &Service) -> String {
        Names::of(&service.service_id, &service.project_id, self.domain()).stable
    }

    /// What services can have here beside plain PostgreSQL.
    pub fn addons(&self) -> BTreeSet<Addon> {
        self.context.postgres.addons()
    }

    /// Refuses what the PostgreSQL here has not.
    pub(super) fn can_have(&self, addons: &BTreeSet<Addon>) -> Result<(), PlaneError> {
        let here = self.addons();
        let Some(missing) = addons.difference(&here).next() else {
            return Ok(());
        };
        Err(PlaneError::invalid(
            "addons",
            format!(
                "{missing} is not to be had: the PostgreSQL that makes services here has no extension {:?}; install it for that PostgreSQL and start Strait anew, or leave it out",
                missing.extension()
            ),
        ))
    }
}

fn unreadable(kept: &Kept, error: &PostgresError) -> PlaneError {
    PlaneError::Unavailable {
        message: format!(
            "the log of service {} ({:?}) could not be read: {error}",
            kept.id, kept.name
        ),
    }
}
