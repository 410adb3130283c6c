//! Who may do what: roles, and what each of them includes.

use super::words;

/// What somebody is in a project. Each includes all that the next one may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// May do all there is, and answers for the project.
    Owner,
    /// Keeps networks, keys and members.
    Admin,
    /// Works with services.
    Developer,
    /// Looks.
    Viewer,
}

words!(Role, "role", { Owner => "owner", Admin => "admin", Developer => "developer", Viewer => "viewer" });

/// What may be done in a project.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Permission {
    /// See everything in it but its keys.
    See,
    /// Ask the operator for more of a quota.
    AskForQuota,
    /// Make, register, start, stop, rename, move and delete services.
    ManageServices,
    /// Make, rename and delete Peering VPCs and their peering connections.
    ManageNetworks,
    /// See, make and revoke keys.
    ManageKeys,
    /// Add members, change their roles, remove them.
    ManageMembers,
    /// Rename the project.
    ManageProject,
    /// Delete the project.
    DeleteProject,
}

words!(Permission, "permission", {
    See => "see",
    AskForQuota => "ask-for-quota",
    ManageServices => "manage-services",
    ManageNetworks => "manage-networks",
    ManageKeys => "manage-keys",
    ManageMembers => "manage-members",
    ManageProject => "manage-project",
    DeleteProject => "delete-project",
});

impl Role {
    /// Whether this role includes it.
    pub fn may(self, permission: Permission) -> bool {
        self.covers(permission.least_role())
    }

    /// Whether it includes all that the other one does.
    pub fn covers(self, other: Self) -> bool {
        self <= other
    }
}

impl Permission {
    /// The least role that includes it.
    pub fn least_role(self) -> Role {
        match self {
            Self::See => Role::Viewer,
            Self::AskForQuota | Self::ManageServices => Role::Developer,
            Self::ManageNetworks | Self::ManageKeys | Self::ManageMembers | Self::ManageProject => {
                Role::Admin
            }
            Self::DeleteProject => Role::Owner,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_this_one() {
        use Permission::*;
        for (role, all) in [
            (Role::Viewer, &[See] as &[Permission]),
            (Role::Developer, &[See, AskForQuota, ManageServices]),
            (
                Role::Admin,
                &[
                    See,
                    AskForQuota,
                    ManageServices,
                    ManageNetworks,
                    ManageKeys,
                    ManageMembers,
                    ManageProject,
                ],
            ),
            (Role::Owner, Permission::ALL),
        ] {
            let may: Vec<Permission> = (Permission::ALL.iter().copied())
                .filter(|permission| role.may(*permission))
                .collect();
            assert_eq!(may, all, "{role}");
        }
    }

    #[test]
    fn a_role_covers_itself_and_those_below() {
        let all = Role::ALL;
        for (place, role) in all.iter().enumerate() {
            for (other_place, other) in all.iter().enumerate() {
                assert_eq!(role.covers(*other), place <= other_place, "{role} {other}");
            }
        }
    }
}
