//! Quotas, and asking for more.

use sqlx::PgConnection;

use super::Plane;
use crate::error::PlaneError;
use crate::model::{
    Deed, NewQuotaRequest, Project, Quota, QuotaRequest, QuotaRequestState, QuotaSetting, Role,
    Ruling,
};
use crate::store::projects;
use crate::store::quota_requests::{self, Decision, Insert};
use crate::{secret, validate};

impl Plane {
    /// A project's quotas and how much of each is used.
    pub async fn quotas(&self, project: &str) -> Result<Vec<QuotaSetting>, PlaneError> {
        let project = self.project(project).await?;
        let mut settings = Vec::new();
        for quota in Quota::ALL {
            settings.push(self.quota(&project.id, *quota).await?);
        }
        Ok(settings)
    }

    /// Sets a quota. One below what is used takes nothing away; it refuses what comes next.
    pub async fn set_quota(
        &self,
        project: &str,
        quota: Quota,
        limit: u32,
    ) -> Result<QuotaSetting, PlaneError> {
        let project = self.project(project).await?;
        let most = fitting("limit", limit)?;
        let mut tx = self.begin().await?;
        self.take(&mut tx, &project).await?;
        projects::set_quota(&mut *tx, &project.id, quota, most).await?;
        self.done(&mut tx, &project, Deed::QuotaSet, quota.as_str())
            .await?;
        tx.commit().await?;
        self.quota(&project.id, quota).await
    }

    /// Asks the operator for more of a quota, unless that was done already.
    pub async fn request_quota(
        &self,
        project: &str,
        new: &NewQuotaRequest,
    ) -> Result<QuotaRequest, PlaneError> {
        let project = self.project(project).await?;
        let wanted = fitting("wanted", new.wanted)?;
        let reason = validate::remark("reason", &new.reason)?;
        let id = secret::quota_request_id();
        let mut tx = self.begin().await?;
        self.take(&mut tx, &project).await?;
        let present = projects::quota(&mut *tx, &project.id, new.quota).await?;
        if new.wanted <= present {
            return Err(PlaneError::invalid(
                "wanted",
                format!(
                    "it is {}, and there may be {present} {} already; ask for more than that",
                    new.wanted,
                    new.quota.counted()
                ),
            ));
        }
        let insert = Insert {
            id: &id,
            project: &project.id,
            quota: new.quota,
            present,
            wanted,
            reason: &reason,
            actor: &self.caller.actor,
            actor_name: self.caller.actor_name.as_deref(),
        };
        if !quota_requests::insert(&mut *tx, &insert).await? {
            return Err(already(&mut tx, &project, new.quota).await?);
        }
        self.done(&mut tx, &project, Deed::QuotaRequest, &id)
            .await?;
        tx.commit().await?;
        self.quota_request(&id).await
    }

    /// What a project asked for, the newest first.
    pub async fn list_quota_requests(
        &self,
        project: &str,
    ) -> Result<Vec<QuotaRequest>, PlaneError> {
        let project = self.project(project).await?;
        quota_requests::of_project(self.pool(), &project.id).await
    }

    /// What all projects asked for and is in this state, the newest first.
    pub async fn quota_requests(
        &self,
        state: QuotaRequestState,
    ) -> Result<Vec<QuotaRequest>, PlaneError> {
        quota_requests::in_state(self.pool(), state).await
    }

    /// Takes a request of a project's back: who asked may, and who keeps the project.
    pub async fn withdraw_quota_request(
        &self,
        project: &str,
        id: &str,
    ) -> Result<QuotaRequest, PlaneError> {
        let project = self.project(project).await?;
        let mut tx = self.begin().await?;
        self.take(&mut tx, &project).await?;
        let request = open(&mut tx, id, Some(&project.id)).await?;
        if request.actor != self.caller.actor && !self.caller.role.covers(Role::Admin) {
            return Err(PlaneError::forbidden(format!(
                "{} asked for this: they, an admin or an owner of the project may take it back",
                request.actor
            )));
        }
        let decision = Decision {
            state: QuotaRequestState::Withdrawn,
            by: &self.caller.actor,
            word: None,
            granted: None,
        };
        quota_requests::decide(&mut *tx, &request.id, &decision).await?;
        self.done(&mut tx, &project, Deed::QuotaWithdraw, &request.id)
            .await?;
        tx.commit().await?;
        self.quota_request(&request.id).await
    }

    /// Grants or refuses a request. The limit is raised in the same moment.
    pub async fn rule_on_quota_request(
        &self,
        id: &str,
        ruling: &Ruling,
    ) -> Result<QuotaRequest, PlaneError> {
        let asked = self.quota_request(id).await?;
        let project = self.project(&asked.project_id).await?;
        let mut tx = self.begin().await?;
        self.take(&mut tx, &project).await?;
        let request = open(&mut tx, id, None).await?;
        let (state, word, granted) = match ruling {
            Ruling::Grant { limit, word } => {
                let word = word.as_deref().map(|word| validate::remark("word", word));
                let limit = limit.unwrap_or(request.wanted);
                let granted = raise(&mut tx, &request, limit).await?;
                (QuotaRequestState::Granted, word.transpose()?, Some(granted))
            }
            Ruling::Refuse { word } => {
                let word = validate::remark("word", word)?;
                (QuotaRequestState::Refused, Some(word), None)
            }
        };
        let decision = Decision {
            state,
            by: &self.caller.actor,
            word: word.as_deref(),
            granted,
        };
        quota_requests::decide(&mut *tx, &request.id, &decision).await?;
        tx.commit().await?;
        self.quota_request(&request.id).await
    }

    /// One request.
    pub async fn quota_request(&self, id: &str) -> Result<QuotaRequest, PlaneError> {
        let found = quota_requests::get(self.pool(), id).await?;
        found.ok_or_else(|| PlaneError::not_found(REQUEST, id))
    }

    async fn quota(&self, project: &str, quota: Quota) -> Result<QuotaSetting, PlaneError> {
        Ok(QuotaSetting {
            quota,
            limit: projects::quota(self.pool(), project, quota).await?,
            used: projects::used(self.pool(), project, quota).await?,
        })
    }
}

/// Whether a project, whose row the transaction has taken, may have one more.
pub(super) async fn one_more(
    tx: &mut PgConnection,
    project: &str,
    quota: Quota,
) -> Result<(), PlaneError> {
    let limit = projects::quota(&mut *tx, project, quota).await?;
    let used = projects::used(&mut *tx, project, quota).await?;
    if used < limit {
        return Ok(());
    }
    Err(refusal("the project has", project, quota, limit, used))
}

/// How one too many is refused. The `place has` what is counted.
pub(super) fn refusal(
    place_has: &str,
    project: &str,
    quota: Quota,
    limit: u32,
    used: u32,
) -> PlaneError {
    let more = used.max(limit).saturating_add(1);
    PlaneError::QuotaExceeded {
        message: format!(
            "{place_has} {used} of at most {limit} {}; ask for more: `strait quota request --project {project} {quota} {more} --reason WHY`, or in the console under Quotas; the operator grants it, or sets the limit: `strait admin quota --project {project} {quota} {more}`",
            quota.counted()
        ),
    }
}

const REQUEST: &str = "quota request";

/// A request that nobody decided yet, its row taken.
async fn open(
    tx: &mut PgConnection,
    id: &str,
    project: Option<&str>,
) -> Result<QuotaRequest, PlaneError> {
    let found = quota_requests::lock(&mut *tx, id).await?;
    let in_place = found.filter(|found| project.is_none_or(|project| found.project_id == project));
    let Some(request) = in_place else {
        return Err(PlaneError::not_found(REQUEST, id));
    };
    match request.state {
        QuotaRequestState::Open => Ok(request),
        state @ (QuotaRequestState::Granted
        | QuotaRequestState::Refused
        | QuotaRequestState::Withdrawn) => Err(PlaneError::conflict(format!(
            "quota request {id} is {state} already, by {}; to change it after all, ask anew",
            request.decided_by.as_deref().unwrap_or("nobody known")
        ))),
    }
}

/// Raises the limit that is asked about.
async fn raise(
    tx: &mut PgConnection,
    request: &QuotaRequest,
    limit: u32,
) -> Result<i32, PlaneError> {
    let most = fitting("limit", limit)?;
    let present = projects::quota(&mut *tx, &request.project_id, request.quota).await?;
    if limit < present {
        return Err(PlaneError::invalid(
            "limit",
            format!(
                "it is {limit}, and the limit is {present} by now; grant {present} or more, or refuse"
            ),
        ));
    }
    projects::set_quota(&mut *tx, &request.project_id, request.quota, most).await?;
    Ok(most)
}

async fn already(
    tx: &mut PgConnection,
    project: &Project,
    quota: Quota,
) -> Result<PlaneError, PlaneError> {
    let all = quota_requests::of_project(&mut *tx, &project.id).await?;
    let open = all
        .iter()
        .find(|one| one.quota == quota && one.state == QuotaRequestState::Open);
    let what = open.map_or_else(String::new, |open| {
        format!(
            " ({}, for {}); wait for the operator, or take it back: `strait quota withdraw --project {} {}`",
            open.id, open.wanted, project.id, open.id
        )
    });
    Ok(PlaneError::conflict(format!(
        "the project asks for more {} already{what}",
        quota.counted()
    )))
}

fn fitting(field: &'static str, limit: u32) -> Result<i32, PlaneError> {
    i32::try_from(limit).map_err(|_| {
        PlaneError::invalid(
            field,
            format!("{limit} is too many; the most is {}", i32::MAX),
        )
    })
}
