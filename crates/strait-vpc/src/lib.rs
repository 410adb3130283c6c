//! The model of an AWS network. Pure: no I/O, no clock, no async; time and randomness are passed in.
//!
//! Three entry points, and everything hangs on them:
//! - [`apply`]: AWS's rules, states and error codes.
//! - [`picture`]: what the kernel must look like.
//! - [`reach`]: the walk of one packet, and where and why it stops.

pub mod api;
mod error;
mod health;
mod id;
pub mod names;
pub mod picture;
mod reach;
mod rules;
pub mod state;

pub use api::{Action, Response};
pub use error::{AwsError, Fault};
pub use health::{
    Check, CheckKey, Ended, ended, health_checks, next_drained, record_health, status_codes,
};
pub use id::*;
pub use names::{Names, names};
pub use picture::{Picture, picture};
pub use reach::{Flow, Protocol, Source, Step, Verdict, reach};
pub use rules::{
    Caller, Context, QuotaSetting, apply, new_account, quotas, read, reset_customers, set_quota,
    tick,
};
pub use state::Network;
