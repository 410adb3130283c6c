//! Plans, and what is used.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use strait_plane::model::{self, Hours, ProjectPlan, Resource};
use utoipa::ToSchema;
use utoipa::openapi::schema::Object;

/// A project's plan.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Plan {
    /// Whose.
    project_id: String,
    /// Which it is now: in the trial nothing costs anything.
    #[schema(schema_with = plan)]
    plan: model::Plan,
    /// When the trial ends, or the last one ended.
    #[schema(value_type = String, format = DateTime)]
    trial_ends: Timestamp,
}

impl Plan {
    pub(crate) fn at(now: Timestamp, plan: ProjectPlan) -> Self {
        Self {
            plan: plan.at(now),
            project_id: plan.project_id,
            trial_ends: plan.trial_ends,
        }
    }
}

/// A plan to give a project.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PlanInput {
    /// Which: `standard` ends the trial now.
    #[schema(schema_with = plan)]
    pub(crate) plan: String,
    /// When the trial is to end, for the plan `trial`.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) trial_ends: Option<Timestamp>,
}

/// What a project used of what is metered.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Usage {
    /// Whose.
    project_id: String,
    /// Its name, or what it was.
    project_name: String,
    /// Its plan now.
    #[schema(schema_with = plan)]
    plan: model::Plan,
    /// When the trial ends, or the last one ended.
    #[schema(value_type = String, format = DateTime)]
    trial_ends: Timestamp,
    /// The time that it is of begins here.
    #[schema(value_type = String, format = DateTime)]
    from: Timestamp,
    /// And is over here.
    #[schema(value_type = String, format = DateTime)]
    until: Timestamp,
    /// When this was counted: what came later is not in it.
    #[schema(value_type = String, format = DateTime)]
    counted: Timestamp,
    /// All of each kind.
    totals: Vec<UsageTotal>,
    /// What there was, VPCs before endpoints, the eldest first; what is gone by now too.
    lines: Vec<UsageLine>,
}

/// All of one kind.
#[derive(Debug, Serialize, ToSchema)]
struct UsageTotal {
    /// Which.
    #[schema(schema_with = resource)]
    resource: Resource,
    /// How many there were.
    count: usize,
    /// Hours: the sum of the lines.
    #[schema(value_type = f64)]
    hours: Hours,
    /// Those of them that were in the trial.
    #[schema(value_type = f64)]
    free_hours: Hours,
    /// Those that were not.
    #[schema(value_type = f64)]
    billed_hours: Hours,
}

/// What there was of one thing.
#[derive(Debug, Serialize, ToSchema)]
struct UsageLine {
    /// What: a Peering VPC, or a service's endpoint in one.
    #[schema(schema_with = resource)]
    resource: Resource,
    /// The VPC's id; of an endpoint, the service's.
    id: String,
    /// The name of the VPC or the service, or what it was.
    name: String,
    /// The Peering VPC that it is, or is in.
    vpc_id: String,
    /// When it was there first, in that time.
    #[schema(value_type = String, format = DateTime)]
    from: Timestamp,
    /// When it was there last, in that time.
    #[schema(value_type = String, format = DateTime)]
    until: Timestamp,
    /// Hours, to the hundredth.
    #[schema(value_type = f64)]
    hours: Hours,
    /// Those of them that were in the trial.
    #[schema(value_type = f64)]
    free_hours: Hours,
    /// Those that were not.
    #[schema(value_type = f64)]
    billed_hours: Hours,
}

impl From<model::Usage> for Usage {
    fn from(usage: model::Usage) -> Self {
        let totals = Resource::ALL.iter().map(|resource| {
            let lines = usage.of_resource(*resource);
            let hours = lines.clone().map(|line| line.hours).sum();
            let free_hours = lines.clone().map(|line| line.free).sum();
            UsageTotal {
                resource: *resource,
                count: lines.count(),
                hours,
                free_hours,
                billed_hours: hours - free_hours,
            }
        });
        Self {
            totals: totals.collect(),
            plan: usage.plan.at(usage.now),
            trial_ends: usage.plan.trial_ends,
            project_id: usage.plan.project_id,
            project_name: usage.plan.project_name,
            from: usage.period.from(),
            until: usage.period.until(),
            counted: usage.now,
            lines: usage.lines.into_iter().map(UsageLine::from).collect(),
        }
    }
}

impl From<model::UsageLine> for UsageLine {
    fn from(line: model::UsageLine) -> Self {
        Self {
            billed_hours: line.billed(),
            resource: line.resource,
            id: line.id,
            name: line.name,
            vpc_id: line.vpc_id,
            from: line.from,
            until: line.until,
            hours: line.hours,
            free_hours: line.free,
        }
    }
}

fn plan() -> Object {
    super::words(model::Plan::ALL.iter().map(|plan| plan.as_str()))
}

fn resource() -> Object {
    super::words(Resource::ALL.iter().map(|resource| resource.as_str()))
}
