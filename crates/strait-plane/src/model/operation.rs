//! Operations: every change, as one can watch it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{PageSize, Reason, words};

/// A change that somebody asked for, and how far it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Operation {
    /// `op-` and 32 hexadecimal digits; later ones sort after earlier ones.
    pub id: String,
    /// The project that it is in.
    pub project_id: String,
    /// What was asked for.
    pub action: Action,
    /// What kind of object it is about.
    pub object_kind: ObjectKind,
    /// That object's id; it may be gone by now.
    pub object_id: String,
    /// Its name at that time.
    pub object_name: String,
    /// Who asked: `key:PUBLIC_KEY`, `user:EMAIL`, `admin`, or `strait` itself.
    pub actor: String,
    /// What people call it, where that says more.
    pub actor_name: Option<String>,
    /// How it is.
    pub state: OperationState,
    /// How much of it is done, in percent.
    pub progress: u8,
    /// Its steps, those to come too.
    pub steps: Vec<StepRecord>,
    /// What it changes, as it was.
    pub before: serde_json::Value,
    /// What it changes, as it is to be.
    pub after: serde_json::Value,
    /// Why it is not done, or what holds it up.
    pub reason: Option<Reason>,
    /// What to do about it.
    pub next_action: Option<String>,
    /// When it was asked for.
    pub created: Timestamp,
    /// When its turn came.
    pub started: Option<Timestamp>,
    /// When it was over.
    pub ended: Option<Timestamp>,
}

/// What was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    /// A service is made.
    ServiceCreate,
    /// A service that exists is taken on.
    ServiceRegister,
    /// A service gets another name.
    ServiceRename,
    /// A service is started.
    ServiceStart,
    /// A service is stopped.
    ServiceStop,
    /// A service is moved into a Peering VPC.
    ServiceAttach,
    /// A service is made public again.
    ServiceDetach,
    /// A service's administrator gets another password.
    ServicePassword,
    /// A service carries another word for what it is for.
    ServiceEnvironment,
    /// Others may reach a service than before.
    ServiceAllow,
    /// A service is taken away.
    ServiceDelete,
    /// A Peering VPC is made.
    VpcCreate,
    /// A Peering VPC gets another name.
    VpcRename,
    /// A Peering VPC is taken away.
    VpcDelete,
    /// A Peering VPC that was to be taken away stays.
    VpcCancelDeletion,
    /// A customer is asked for a peering connection.
    PeeringCreate,
    /// A customer is asked once more.
    PeeringRequest,
    /// Other ranges of a customer's may come in.
    PeeringRanges,
    /// A peering connection is taken away.
    PeeringDelete,
}

words!(Action, "action", {
    ServiceCreate => "service.create",
    ServiceRegister => "service.register",
    ServiceRename => "service.rename",
    ServiceStart => "service.start",
    ServiceStop => "service.stop",
    ServiceAttach => "service.attach",
    ServiceDetach => "service.detach",
    ServicePassword => "service.password",
    ServiceEnvironment => "service.environment",
    ServiceAllow => "service.allow-list",
    ServiceDelete => "service.delete",
    VpcCreate => "vpc.create",
    VpcRename => "vpc.rename",
    VpcDelete => "vpc.delete",
    VpcCancelDeletion => "vpc.cancel-deletion",
    PeeringCreate => "peering.create",
    PeeringRequest => "peering.request",
    PeeringRanges => "peering.ranges",
    PeeringDelete => "peering.delete",
});

impl Action {
    /// What it is about.
    pub fn object(self) -> ObjectKind {
        match self {
            Self::ServiceCreate
            | Self::ServiceRegister
            | Self::ServiceRename
            | Self::ServiceStart
            | Self::ServiceStop
            | Self::ServiceAttach
            | Self::ServiceDetach
            | Self::ServicePassword
            | Self::ServiceEnvironment
            | Self::ServiceAllow
            | Self::ServiceDelete => ObjectKind::Service,
            Self::VpcCreate | Self::VpcRename | Self::VpcDelete | Self::VpcCancelDeletion => {
                ObjectKind::Vpc
            }
            Self::PeeringCreate
            | Self::PeeringRequest
            | Self::PeeringRanges
            | Self::PeeringDelete => ObjectKind::Peering,
        }
    }

    /// Its steps, in order.
    pub fn steps(self) -> &'static [Step] {
        match self {
            Self::ServiceCreate => &[Step::Start, Step::Open, Step::Probe, Step::Names],
            Self::ServiceRegister => &[Step::Look, Step::Open, Step::Probe, Step::Names],
            Self::ServiceRename
            | Self::ServiceEnvironment
            | Self::VpcRename
            | Self::VpcCancelDeletion
            | Self::PeeringRanges => &[],
            Self::ServiceStart => &[Step::Start],
            Self::ServicePassword => &[Step::Password],
            Self::ServiceAllow => &[Step::Allow],
            Self::ServiceStop => &[Step::Stop],
            Self::ServiceAttach | Self::ServiceDetach => &[
                Step::Open,
                Step::Probe,
                Step::Names,
                Step::Drain,
                Step::Close,
            ],
            Self::ServiceDelete => &[Step::Close, Step::Names, Step::Remove],
            Self::VpcCreate => &[Step::Make],
            Self::PeeringCreate | Self::PeeringRequest => &[Step::Ask],
            Self::VpcDelete | Self::PeeringDelete => &[Step::Remove],
        }
    }
}

/// A kind of object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ObjectKind {
    /// A project.
    Project,
    /// A service.
    Service,
    /// A Peering VPC.
    Vpc,
    /// A peering connection.
    Peering,
}

words!(ObjectKind, "kind of object", { Project => "project", Service => "service", Vpc => "vpc", Peering => "peering" });

/// How an operation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum OperationState {
    /// Others of its object come first.
    Queued,
    /// It is being done, or tried again.
    Running,
    /// It is done.
    Succeeded,
    /// It cannot be done; a move went back.
    Failed,
    /// A later one made it pointless: the object is to be deleted.
    Cancelled,
}

words!(OperationState, "operation state", {
    Queued => "queued",
    Running => "running",
    Succeeded => "succeeded",
    Failed => "failed",
    Cancelled => "cancelled",
});

impl OperationState {
    /// Whether nothing more comes of it.
    pub fn has_ended(self) -> bool {
        match self {
            Self::Queued | Self::Running => false,
            Self::Succeeded | Self::Failed | Self::Cancelled => true,
        }
    }
}

/// A step of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// PostgreSQL is started.
    Start,
    /// PostgreSQL is stopped.
    Stop,
    /// PostgreSQL is told the password.
    Password,
    /// Ways let in whom their lists name, and nobody else.
    Allow,
    /// A service that exists is looked at.
    Look,
    /// The new way is opened.
    Open,
    /// The new way is tried, end to end.
    Probe,
    /// The names lead to it.
    Names,
    /// The former way stays open for a while.
    Drain,
    /// The former way is closed.
    Close,
    /// A Peering VPC is made.
    Make,
    /// A customer is asked.
    Ask,
    /// It is taken away.
    Remove,
}

words!(Step, "step", {
    Start => "start-postgresql",
    Stop => "stop-postgresql",
    Password => "set-password",
    Allow => "apply-allow-list",
    Look => "look-at-service",
    Open => "open-new-way",
    Probe => "probe-new-way",
    Names => "switch-names",
    Drain => "drain-former-way",
    Close => "close-former-way",
    Make => "make-vpc",
    Ask => "ask-customer",
    Remove => "remove",
});

/// A step, and when it was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepRecord {
    /// Which.
    #[serde(with = "step_word")]
    pub step: Step,
    /// When it began.
    pub started: Option<Timestamp>,
    /// When it was done.
    pub ended: Option<Timestamp>,
}

impl StepRecord {
    /// Of a step that has not begun.
    pub(crate) fn to_come(step: Step) -> Self {
        Self {
            step,
            started: None,
            ended: None,
        }
    }
}

mod step_word {
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

    use super::Step;

    pub(super) fn serialize<S: Serializer>(step: &Step, to: S) -> Result<S::Ok, S::Error> {
        step.serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Step, D::Error> {
        String::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}

/// Which operations to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OperationFilter {
    /// Only those in one of these states.
    pub states: Vec<OperationState>,
    /// Only these actions.
    pub actions: Vec<Action>,
    /// Only those about this object (its id).
    pub object: Option<String>,
    /// Only those of this actor.
    pub actor: Option<String>,
    /// Only those before this one (its id): the next page.
    pub before: Option<String>,
    /// At most so many; the newest come first.
    pub limit: PageSize,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Event {
    /// Where it stands among the others: to go on from it.
    pub cursor: Cursor,
    /// When.
    pub at: Timestamp,
    /// What: `peering.state`, `service.network` and so on.
    pub kind: String,
    /// What kind of object it is about.
    pub object_kind: ObjectKind,
    /// That object's id.
    pub object_id: String,
    /// The operation that it is about.
    pub operation_id: Option<String>,
    /// What changed.
    pub data: serde_json::Value,
}

/// A place in a project's events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Cursor {
    pub(crate) id: i64,
}

impl std::fmt::Display for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.id)
    }
}

impl std::str::FromStr for Cursor {
    type Err = crate::error::PlaneError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let Ok(id) = text.parse() else {
            return Err(crate::error::PlaneError::invalid(
                "since",
                format!("{text:?} is no place in the events; give the `id` of one"),
            ));
        };
        Ok(Self { id })
    }
}

impl Serialize for Cursor {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
