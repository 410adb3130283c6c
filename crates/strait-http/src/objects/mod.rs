//! The objects as the API shows and takes them.

mod allow;
mod audit;
mod log;
mod operation;
mod peering;
mod project;
mod quota;
mod registration;
mod service;
mod usage;
mod user;
mod vpc;

use serde::Serialize;
use utoipa::ToSchema;
use utoipa::openapi::schema::{Object, ObjectBuilder, Type};

pub(crate) use allow::{AllowLists, AllowListsInput, Lists};
pub(crate) use audit::{AuditEntry, ForgetInput, Forgotten};
pub(crate) use log::ServiceLogs;
pub(crate) use operation::{Event, Operation};
pub(crate) use peering::{Peering, PeeringInput, RangesInput};
pub(crate) use project::{NamedInput, NewProject, Project, ProjectWithKey};
pub(crate) use quota::{
    GrantInput, QuotaInput, QuotaRequest, QuotaRequestInput, QuotaSetting, RefusalInput,
};
pub(crate) use registration::{Registration, RegistrationInput};
pub(crate) use service::{
    CreatedService, EnvironmentInput, Service, ServiceInput, ServiceMessage, ServicePasswordInput,
    ServiceVpcInput,
};
pub(crate) use usage::{Plan, PlanInput, Usage};
pub(crate) use user::{
    Key, KeyInput, KeyWithSecret, LinkInput, LinkLogin, Login, LoginLink, Logout, Member,
    MemberInput, NewSession, NewUser, PasswordChange, PasswordInput, RoleInput, Session,
    UnlockedAddress, User,
};
pub(crate) use vpc::{Vpc, VpcInput, VpcMessage};

/// Why something is not as it was asked for.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct Reason {
    /// For programs: stable, or AWS's own code.
    #[schema(example = "peer_range_overlaps")]
    pub(crate) code: String,
    /// For people: what happened, why, and what to do.
    pub(crate) message: String,
}

impl From<strait_plane::model::Reason> for Reason {
    fn from(reason: strait_plane::model::Reason) -> Self {
        Self {
            code: reason.code,
            message: reason.message,
        }
    }
}

/// The schema of one of the plane's lists of words.
pub(crate) fn words(all: impl Iterator<Item = &'static str>) -> Object {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some(all))
        .build()
}
