//! Plans, and what was there from when to when. What is metered is written by triggers, with the change that it is about.

use jiff::Timestamp;
use sqlx::{FromRow, PgExecutor};

use super::{Change, Find, timestamp};
use crate::error::PlaneError;
use crate::model::{FormerTrial, Interval, Period, ProjectPlan};

const PLAN: &str = "SELECT project_id, project_name, project_gone IS NOT NULL AS is_gone,
    (extract(epoch FROM trial_began) * 1000000)::bigint AS trial_began,
    (extract(epoch FROM trial_ends) * 1000000)::bigint AS trial_ends,
    ARRAY(SELECT (extract(epoch FROM began) * 1000000)::bigint FROM strait.former_trial f
        WHERE f.project_id = plan.project_id ORDER BY id) AS former_began,
    ARRAY(SELECT (extract(epoch FROM ended) * 1000000)::bigint FROM strait.former_trial f
        WHERE f.project_id = plan.project_id ORDER BY id) AS former_ended
    FROM strait.plan";

#[derive(FromRow)]
struct PlanRow {
    project_id: String,
    project_name: String,
    is_gone: bool,
    trial_began: Option<i64>,
    trial_ends: i64,
    former_began: Vec<Option<i64>>,
    former_ended: Vec<i64>,
}

#[derive(FromRow)]
struct IntervalRow {
    resource: String,
    object_id: String,
    vpc_id: String,
    name: String,
    began: i64,
    ended: Option<i64>,
}

impl TryFrom<PlanRow> for ProjectPlan {
    type Error = PlaneError;

    fn try_from(row: PlanRow) -> Result<Self, PlaneError> {
        let former = row.former_began.into_iter().zip(row.former_ended);
        let former = former.map(|(began, ended)| {
            Ok(FormerTrial {
                began: began.map(timestamp).transpose()?,
                ended: timestamp(ended)?,
            })
        });
        Ok(Self {
            project_id: row.project_id,
            project_name: row.project_name,
            is_gone: row.is_gone,
            trial_began: row.trial_began.map(timestamp).transpose()?,
            trial_ends: timestamp(row.trial_ends)?,
            former_trials: former.collect::<Result<_, PlaneError>>()?,
        })
    }
}

impl TryFrom<IntervalRow> for Interval {
    type Error = PlaneError;

    fn try_from(row: IntervalRow) -> Result<Self, PlaneError> {
        Ok(Self {
            resource: row.resource.parse()?,
            id: row.object_id,
            vpc_id: row.vpc_id,
            name: row.name,
            began: timestamp(row.began)?,
            ended: row.ended.map(timestamp).transpose()?,
        })
    }
}

pub(crate) async fn plan(
    db: impl PgExecutor<'_>,
    project: &str,
) -> Result<Option<ProjectPlan>, PlaneError> {
    sqlx::query_as::<_, PlanRow>(&format!("{PLAN} WHERE project_id = $1"))
        .bind(project)
        .first(db)
        .await
}

/// Those of all projects that are or were, the eldest first.
pub(crate) async fn plans(db: impl PgExecutor<'_>) -> Result<Vec<ProjectPlan>, PlaneError> {
    sqlx::query_as::<_, PlanRow>(&format!("{PLAN} ORDER BY project_made, project_id"))
        .all(db)
        .await
}

/// The present trial, or the last one, ends then.
pub(crate) async fn end_trial(
    db: impl PgExecutor<'_>,
    project: &str,
    ends: Timestamp,
) -> Result<(), PlaneError> {
    sqlx::query(
        "UPDATE strait.plan SET trial_ends = 'epoch'::timestamptz + $2::bigint * interval '1 microsecond'
         WHERE project_id = $1",
    )
    .bind(project)
    .bind(ends.as_microsecond())
    .run(db)
    .await
}

/// Another trial begins. A trigger keeps the former one.
pub(crate) async fn begin_trial(
    db: impl PgExecutor<'_>,
    project: &str,
    begins: Timestamp,
    ends: Timestamp,
) -> Result<(), PlaneError> {
    sqlx::query(
        "UPDATE strait.plan SET trial_began = 'epoch'::timestamptz + $2::bigint * interval '1 microsecond',
             trial_ends = 'epoch'::timestamptz + $3::bigint * interval '1 microsecond'
         WHERE project_id = $1",
    )
    .bind(project)
    .bind(begins.as_microsecond())
    .bind(ends.as_microsecond())
    .run(db)
    .await
}

/// What was there of a project's at any moment of this time.
pub(crate) async fn intervals(
    db: impl PgExecutor<'_>,
    project: &str,
    period: Period,
) -> Result<Vec<Interval>, PlaneError> {
    sqlx::query_as::<_, IntervalRow>(
        "SELECT resource, object_id, vpc_id, name, (extract(epoch FROM began) * 1000000)::bigint AS began,
             (extract(epoch FROM ended) * 1000000)::bigint AS ended
         FROM strait.metered WHERE project_id = $1
             AND began < 'epoch'::timestamptz + $3::bigint * interval '1 microsecond'
             AND (ended IS NULL OR ended > 'epoch'::timestamptz + $2::bigint * interval '1 microsecond')
         ORDER BY metered.began, id",
    )
    .bind(project)
    .bind(period.from().as_microsecond())
    .bind(period.until().as_microsecond())
    .all(db)
    .await
}
