//! Plans of projects, and what they used.

use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::Deserialize;
use strait_plane::PlaneError;
use strait_plane::model::{self, NewPlan, Period, instant};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Shared;
use crate::access::{By, InProject};
use crate::body::{Body, Given};
use crate::error::{ApiError, ErrorBody};
use crate::objects::{Plan, PlanInput, Usage};

/// What a line of CSV has, in this order.
const COLUMNS: [&str; 11] = [
    "project_id",
    "project_name",
    "resource",
    "id",
    "name",
    "vpc_id",
    "from",
    "until",
    "hours",
    "free_hours",
    "billed_hours",
];

pub(crate) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(plan))
        .routes(routes!(set_plan))
        .routes(routes!(usage))
        .routes(routes!(all_usage))
}

/// Of which time, and in which form.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    month: Option<String>,
    since: Option<String>,
    until: Option<String>,
    format: Option<String>,
}

/// Shows the project's plan.
#[utoipa::path(
    get, path = "/projects/{project_id}/plan", tag = "Quotas", operation_id = "getPlan",
    params(("project_id" = String, Path, description = "The project's id or name.")),
    responses((status = 200, body = Plan, description = "The plan."), (status = "4XX", body = ErrorBody, description = "Refused."))
)]
async fn plan(
    State(app): State<Shared>,
    InProject(project): InProject,
) -> Result<Json<Plan>, ApiError> {
    let plan = app.plane.plan(&project).await?;
    Ok(Json(Plan::at(Timestamp::now(), plan)))
}

/// Gives the project a plan, from now on: hours that were free stay free.
#[utoipa::path(
    put, path = "/admin/projects/{project_id}/plan", tag = "Admin", operation_id = "setPlan", security(("admin_key" = [])),
    params(("project_id" = String, Path, description = "The project's id or name.")),
    request_body = PlanInput,
    responses((status = 200, body = Plan, description = "Has that plan."), (status = "4XX", body = ErrorBody, description = "Refused."))
)]
async fn set_plan(
    By(plane): By,
    InProject(project): InProject,
    Body(given): Body<PlanInput>,
) -> Result<Json<Plan>, ApiError> {
    let new = match (given.plan.parse()?, given.trial_ends) {
        (model::Plan::Standard, None) => NewPlan::Standard,
        (model::Plan::Trial, Some(ends)) => NewPlan::Trial { ends },
        (model::Plan::Standard, Some(_)) => {
            return Err(ApiError::field(
                "trial_ends",
                "trial_ends: the plan `standard` ends the trial now; leave it out",
            ));
        }
        (model::Plan::Trial, None) => {
            return Err(ApiError::field(
                "trial_ends",
                "trial_ends: say when the trial is to end, as in 2026-12-31T00:00:00Z",
            ));
        }
    };
    let now = Timestamp::now();
    let plan = plane.set_plan(&project, new, now).await?;
    Ok(Json(Plan::at(now, plan)))
}

/// Counts the hours of the project's Peering VPCs and endpoints, those that are gone too.
#[utoipa::path(
    get, path = "/projects/{project_id}/usage", tag = "Quotas", operation_id = "getUsage",
    params(
        ("project_id" = String, Path, description = "The project's id or name."),
        ("month" = Option<String>, Query, description = "Of this month (UTC): `2026-11`. Without a time, of the present one."),
        ("since" = Option<String>, Query, description = "Or from this time on: `2026-11-30`, which is its midnight (UTC), or `2026-11-30T12:00:00Z`."),
        ("until" = Option<String>, Query, description = "With `since`: up to this time; up to now without it."),
        ("format" = Option<String>, Query, description = "`json`, as it is without it, or `csv`.")
    ),
    responses(
        (status = 200, content((Usage = "application/json"), (String = "text/csv")), description = "What it used."),
        (status = "4XX", body = ErrorBody, description = "Refused.")
    )
)]
async fn usage(
    State(app): State<Shared>,
    InProject(project): InProject,
    Given(asked): Given<Asked>,
) -> Result<Response, ApiError> {
    let now = Timestamp::now();
    let (period, format) = (asked.period(now)?, asked.format()?);
    let usage = app.plane.usage(&project, period, now).await?;
    Ok(match format {
        Format::Json => Json(Usage::from(usage)).into_response(),
        Format::Csv => csv(&[usage]),
    })
}

/// Counts the hours of all projects, those that are gone too.
#[utoipa::path(
    get, path = "/admin/usage", tag = "Admin", operation_id = "getAllUsage", security(("admin_key" = [])),
    params(
        ("month" = Option<String>, Query, description = "Of this month (UTC): `2026-11`. Without a time, of the present one."),
        ("since" = Option<String>, Query, description = "Or from this time on: `2026-11-30`, which is its midnight (UTC), or `2026-11-30T12:00:00Z`."),
        ("until" = Option<String>, Query, description = "With `since`: up to this time; up to now without it."),
        ("format" = Option<String>, Query, description = "`json`, as it is without it, or `csv`.")
    ),
    responses(
        (status = 200, content((Vec<Usage> = "application/json"), (String = "text/csv")), description = "What they used."),
        (status = "4XX", body = ErrorBody, description = "Refused.")
    )
)]
async fn all_usage(
    State(app): State<Shared>,
    Given(asked): Given<Asked>,
) -> Result<Response, ApiError> {
    let now = Timestamp::now();
    let (period, format) = (asked.period(now)?, asked.format()?);
    let all = app.plane.usage_of_all(period, now).await?;
    Ok(match format {
        Format::Json => {
            let all: Vec<Usage> = all.into_iter().map(Usage::from).collect();
            Json(all).into_response()
        }
        Format::Csv => csv(&all),
    })
}

enum Format {
    Json,
    Csv,
}

impl Asked {
    fn period(&self, now: Timestamp) -> Result<Period, PlaneError> {
        let at = |field: &'static str, text: &Option<String>| {
            text.as_deref().map(|text| instant(field, text)).transpose()
        };
        match (
            &self.month,
            at("since", &self.since)?,
            at("until", &self.until)?,
        ) {
            (None, None, None) => Period::month_of(now),
            (Some(month), None, None) => Period::month(month),
            (None, Some(since), until) => Period::new(since, until.unwrap_or(now)),
            (None, None, Some(_)) => {
                Err(wrong("since", "it is not given, and `until` is; give both"))
            }
            (Some(_), _, _) => Err(wrong(
                "month",
                "it is given with `since` or `until`; give one of both",
            )),
        }
    }

    fn format(&self) -> Result<Format, PlaneError> {
        match self.format.as_deref() {
            None | Some("json") => Ok(Format::Json),
            Some("csv") => Ok(Format::Csv),
            Some(other) => Err(wrong("format", &format!("{other:?} is none of: json, csv"))),
        }
    }
}

fn wrong(field: &'static str, message: &str) -> PlaneError {
    PlaneError::Invalid {
        field,
        message: message.to_owned(),
    }
}

fn csv(all: &[model::Usage]) -> Response {
    let day = all.first().map(|usage| usage.period.from());
    let day = day.map_or_else(String::new, |day| day.strftime("-%Y-%m-%d").to_string());
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
        (
            header::CONTENT_DISPOSITION,
            format!("attachment; filename=\"strait-usage{day}.csv\""),
        ),
    ];
    (headers, written(all)).into_response()
}

fn written(all: &[model::Usage]) -> Vec<u8> {
    const MEMORY: &str = "memory takes what is written";
    let mut rows = csv::Writer::from_writer(Vec::new());
    rows.write_record(COLUMNS).expect(MEMORY);
    for usage in all {
        for line in &usage.lines {
            rows.write_record([
                &usage.plan.project_id,
                &no_formula(&usage.plan.project_name),
                line.resource.as_str(),
                &line.id,
                &no_formula(&line.name),
                &line.vpc_id,
                &line.from.to_string(),
                &line.until.to_string(),
                &line.hours.to_string(),
                &line.free.to_string(),
                &line.billed().to_string(),
            ])
            .expect(MEMORY);
        }
    }
    rows.into_inner().expect(MEMORY)
}

/// What customers call their things is no formula in an operator's spreadsheet.
fn no_formula(name: &str) -> String {
    match name.chars().next() {
        Some('=' | '+' | '-' | '@') => format!("'{name}"),
        Some(_) | None => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use strait_plane::model::{Interval, ProjectPlan, Resource};

    use super::*;

    #[test]
    fn a_line_of_csv_says_all_and_runs_nothing() {
        let at = |text: &str| text.parse::<Timestamp>().expect("a time");
        let plan = ProjectPlan {
            project_id: "p".to_owned(),
            project_name: "shop, \"the\" big one".to_owned(),
            is_gone: false,
            trial_began: None,
            trial_ends: at("2026-11-01T01:00:00Z"),
            former_trials: Vec::new(),
        };
        let there = Interval {
            resource: Resource::Endpoint,
            id: "s".to_owned(),
            vpc_id: "1".to_owned(),
            name: "=cmd|' /C calc'!A0".to_owned(),
            began: at("2026-10-31T00:00:00Z"),
            ended: Some(at("2026-11-01T02:30:00Z")),
        };
        let period = Period::month("2026-11").expect("a month");
        let now = at("2026-12-01T00:00:00Z");
        let usage = model::Usage::of(plan, period, now, vec![there]);
        let text = String::from_utf8(written(&[usage])).expect("text");
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], COLUMNS.join(","));
        assert_eq!(
            lines[1..],
            [
                "p,\"shop, \"\"the\"\" big one\",endpoint,s,'=cmd|' /C calc'!A0,1,2026-11-01T00:00:00Z,2026-11-01T02:30:00Z,2.50,1.00,1.50"
            ]
        );
        assert_eq!(no_formula("orders"), "orders");
    }
}
