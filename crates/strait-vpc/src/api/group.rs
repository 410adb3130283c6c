//! Security groups and their rules.

mod description;
mod reference;
mod request;
mod response;

pub use description::*;
pub use reference::*;
pub use request::*;
pub use response::*;
