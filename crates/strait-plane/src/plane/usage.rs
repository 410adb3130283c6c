//! Plans, and what is metered.

use jiff::{Timestamp, ToSpan};
use sqlx::PgExecutor;

use super::Plane;
use crate::error::PlaneError;
use crate::model::{Deed, NewPlan, Period, Plan, Project, ProjectPlan, Usage};
use crate::store::metering;

/// The longest trial, from now: ten years.
const LONGEST_DAYS: i64 = 3653;

impl Plane {
    /// A project's plan.
    pub async fn plan(&self, project: &str) -> Result<ProjectPlan, PlaneError> {
        let project = self.project(project).await?;
        plan_of(self.pool(), &project).await
    }

    /// Gives a project a plan, from this moment on: hours that were free stay free, and hours that were not stay so.
    pub async fn set_plan(
        &self,
        project: &str,
        new: NewPlan,
        now: Timestamp,
    ) -> Result<ProjectPlan, PlaneError> {
        let project = self.project(project).await?;
        let mut tx = self.begin().await?;
        self.take(&mut tx, &project).await?;
        let before = plan_of(&mut *tx, &project).await?;
        // The clock may have been set back since the present trial began.
        let present = |ends: Timestamp| before.trial_began.map_or(ends, |began| began.max(ends));
        match (new, before.at(now)) {
            (NewPlan::Standard, Plan::Standard) => {}
            (NewPlan::Standard, Plan::Trial) => {
                metering::end_trial(&mut *tx, &project.id, present(now)).await?;
            }
            (NewPlan::Trial { ends }, Plan::Trial) => {
                let ends = present(to_come(ends, now)?);
                metering::end_trial(&mut *tx, &project.id, ends).await?;
            }
            (NewPlan::Trial { ends }, Plan::Standard) => {
                let ends = to_come(ends, now)?;
                metering::begin_trial(&mut *tx, &project.id, now, ends).await?;
            }
        }
        self.done(&mut tx, &project, Deed::ProjectPlan, &project.id)
            .await?;
        tx.commit().await?;
        self.plan(&project.id).await
    }

    /// What a project used in this time, up to now.
    pub async fn usage(
        &self,
        project: &str,
        period: Period,
        now: Timestamp,
    ) -> Result<Usage, PlaneError> {
        let plan = self.plan(project).await?;
        self.usage_of(plan, period, now).await
    }

    /// What each project used in this time, up to now; those that are gone too, if they used something.
    pub async fn usage_of_all(
        &self,
        period: Period,
        now: Timestamp,
    ) -> Result<Vec<Usage>, PlaneError> {
        let mut all = Vec::new();
        for plan in metering::plans(self.pool()).await? {
            let usage = self.usage_of(plan, period, now).await?;
            if !usage.plan.is_gone || !usage.lines.is_empty() {
                all.push(usage);
            }
        }
        Ok(all)
    }

    async fn usage_of(
        &self,
        plan: ProjectPlan,
        period: Period,
        now: Timestamp,
    ) -> Result<Usage, PlaneError> {
        let found = metering::intervals(self.pool(), &plan.project_id, period).await?;
        Ok(Usage::of(plan, period, now, found))
    }
}

async fn plan_of(db: impl PgExecutor<'_>, project: &Project) -> Result<ProjectPlan, PlaneError> {
    let found = metering::plan(db, &project.id).await?;
    found.ok_or_else(|| PlaneError::Corrupt(format!("project {} has no plan", project.id)))
}

fn to_come(ends: Timestamp, now: Timestamp) -> Result<Timestamp, PlaneError> {
    let latest = now.checked_add((LONGEST_DAYS * 24).hours()).unwrap_or(now);
    if ends > now && ends <= latest {
        return Ok(ends);
    }
    Err(PlaneError::invalid(
        "trial_ends",
        format!(
            "{ends} is not within ten years from now; a trial that is to end now is the plan `standard`"
        ),
    ))
}
