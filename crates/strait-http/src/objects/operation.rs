//! Operations and events.

use jiff::Timestamp;
use serde::Serialize;
use strait_plane::model::{self, Action, ObjectKind, OperationState, Step};
use utoipa::ToSchema;
use utoipa::openapi::schema::Object;

use super::Reason;

/// A change that somebody asked for, and how far it is.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Operation {
    /// Its id; ids of later ones sort after those of earlier ones.
    #[schema(example = "op-019ad0c52f6b7e1c8d3a5b7c9e0f1a2b")]
    pub(crate) id: String,
    /// The project that it is in.
    project_id: String,
    /// What was asked for.
    #[schema(schema_with = action)]
    action: Action,
    /// What kind of object it is about.
    #[schema(schema_with = object_kind)]
    object_kind: ObjectKind,
    /// That object's id; it may be gone by now.
    object_id: String,
    /// Its name at that time; of a peering connection, the customer's VPC.
    object_name: String,
    /// Who asked: `key:PUBLIC_KEY`, `user:EMAIL`, `admin`, or `strait` itself.
    #[schema(example = "key:skAbCdEf")]
    actor: String,
    /// What people call it, where that says more.
    #[serde(skip_serializing_if = "Option::is_none")]
    actor_name: Option<String>,
    /// How it is.
    #[schema(schema_with = state)]
    pub(crate) state: OperationState,
    /// How much of it is done, in percent.
    #[schema(maximum = 100)]
    progress: u8,
    /// Its steps, those to come too.
    steps: Vec<StepRecord>,
    /// What it changes, as it was.
    #[schema(value_type = Object)]
    before: serde_json::Value,
    /// What it changes, as it is to be.
    #[schema(value_type = Object)]
    after: serde_json::Value,
    /// Why it is not done, or what holds it up.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Reason>,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_action: Option<String>,
    /// When it was asked for.
    #[schema(value_type = String, format = DateTime)]
    created: Timestamp,
    /// When its turn came.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    started: Option<Timestamp>,
    /// When it was over.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    ended: Option<Timestamp>,
}

/// A step, and when it was done.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Step)]
pub(crate) struct StepRecord {
    /// Which.
    #[schema(schema_with = step)]
    step: Step,
    /// When it began.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    started: Option<Timestamp>,
    /// When it was done.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    ended: Option<Timestamp>,
}

impl From<model::Operation> for Operation {
    fn from(operation: model::Operation) -> Self {
        let steps = operation.steps.into_iter().map(|record| StepRecord {
            step: record.step,
            started: record.started,
            ended: record.ended,
        });
        Self {
            id: operation.id,
            project_id: operation.project_id,
            action: operation.action,
            object_kind: operation.object_kind,
            object_id: operation.object_id,
            object_name: operation.object_name,
            actor: operation.actor,
            actor_name: operation.actor_name,
            state: operation.state,
            progress: operation.progress,
            steps: steps.collect(),
            before: operation.before,
            after: operation.after,
            reason: operation.reason.map(Reason::from),
            next_action: operation.next_action,
            created: operation.created,
            started: operation.started,
            ended: operation.ended,
        }
    }
}

/// Something that happened.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Event {
    /// Its place among the others: `since` and `Last-Event-ID` go on from it.
    #[schema(example = "4711")]
    pub(crate) id: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// What: `peering.state`, `peering.ranges`, `peering.admitted`, `peering.gone`, `service.status`, `service.network`,
    /// `service.gone`, `vpc.status`, `vpc.gone`, `operation.state`, `project.created` or `project.renamed`.
    #[schema(example = "peering.state")]
    pub(crate) kind: String,
    /// What kind of object it is about.
    #[schema(schema_with = object_kind)]
    object_kind: ObjectKind,
    /// That object's id.
    object_id: String,
    /// The operation that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    operation_id: Option<String>,
    /// What changed.
    #[schema(value_type = Object)]
    data: serde_json::Value,
}

impl From<model::Event> for Event {
    fn from(event: model::Event) -> Self {
        Self {
            id: event.cursor.to_string(),
            at: event.at,
            kind: event.kind,
            object_kind: event.object_kind,
            object_id: event.object_id,
            operation_id: event.operation_id,
            data: event.data,
        }
    }
}

fn action() -> Object {
    super::words(Action::ALL.iter().map(|action| action.as_str()))
}

fn object_kind() -> Object {
    super::words(ObjectKind::ALL.iter().map(|kind| kind.as_str()))
}

fn state() -> Object {
    super::words(OperationState::ALL.iter().map(|state| state.as_str()))
}

fn step() -> Object {
    super::words(Step::ALL.iter().map(|step| step.as_str()))
}
