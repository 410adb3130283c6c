//! Changes that are made at once, without operations.

/// A change that is made at once. What has an operation is an [`Action`](super::Action).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    /// A project is made, with its first pair of keys.
    ProjectCreate,
    /// A project gets another name.
    ProjectRename,
    /// A project gets another plan.
    ProjectPlan,
    /// A pair of keys is made.
    KeyCreate,
    /// A pair of keys is taken away.
    KeyRevoke,
    /// Somebody becomes a member.
    MemberAdd,
    /// A member gets another role.
    MemberRole,
    /// Somebody is no member any more.
    MemberRemove,
    /// The operator sets a quota.
    QuotaSet,
    /// More of a quota is asked for.
    QuotaRequest,
    /// A request for more is taken back.
    QuotaWithdraw,
}

super::words!(Deed, "deed", {
    ProjectCreate => "project.create",
    ProjectRename => "project.rename",
    ProjectPlan => "project.plan",
    KeyCreate => "key.create",
    KeyRevoke => "key.revoke",
    MemberAdd => "member.add",
    MemberRole => "member.role",
    MemberRemove => "member.remove",
    QuotaSet => "quota.set",
    QuotaRequest => "quota.request",
    QuotaWithdraw => "quota.withdraw",
});
