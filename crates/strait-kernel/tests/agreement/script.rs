//! A script: AWS calls that build a network and change it, and the moments at which it is probed.

use std::fmt;

use serde_json::Value;

/// The number of the step that made an object. Other steps' parameters mean it by `$NUMBER`, or something of it by
/// `$NUMBER.PART` (see `World::part`). A step whose objects are not there is left out, so any may be taken out of a
/// script.
pub(crate) type Made = usize;

/// A numbered step. Numbers stay when others are taken out, and with them the ids of what is made.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    pub(crate) number: Made,
    pub(crate) what: What,
}

/// What is done.
#[derive(Debug, Clone)]
pub(crate) enum What {
    /// An AWS call with its parameters, lists as lists.
    Call {
        who: Who,
        name: &'static str,
        parameters: Value,
    },
    /// Time passes.
    Wait { hours: i64 },
    /// Load balancers' nodes find out how their targets are, as it happens.
    Checks,
    /// Another server opens the kernel and adopts what the one before left.
    Adopt,
    /// The kernel is given what there is, and every pair is tried.
    Probe,
}

/// Who calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Who {
    /// An account and a Region, by their places in `world::ACCOUNTS` and `world::REGIONS`.
    Account(usize, usize),
    /// The owner of an object, in its Region.
    OwnerOf(Made),
    /// Who is asked for a peering connection, in that Region.
    AccepterOf(Made),
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "${:<3} ", self.number)?;
        match &self.what {
            What::Call {
                who,
                name,
                parameters,
            } => {
                let who = match who {
                    Who::Account(account, region) => format!("account {account}.{region}"),
                    Who::OwnerOf(made) => format!("owner of ${made}"),
                    Who::AccepterOf(made) => format!("accepter of ${made}"),
                };
                write!(f, "{who}: {name} {parameters}")
            }
            What::Wait { hours } => write!(f, "{hours} hours pass"),
            What::Checks => f.write_str("nodes find out how their targets are"),
            What::Adopt => f.write_str("another server adopts the network"),
            What::Probe => f.write_str("every pair is tried"),
        }
    }
}
