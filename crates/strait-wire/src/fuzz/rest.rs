//! The target of Route 53's protocol.

use http::Method;
use strait_vpc::Action;
use strait_vpc::api::Service;

use super::{digest, refused};
use crate::de::parameters;
use crate::error::WireError;
use crate::form;
use crate::rest;

/// Reads `METHOD PATH?QUERY BODY` as the call that it is.
pub fn rest(input: &[u8]) -> u64 {
    match action(input) {
        Ok(action) => digest(&("read", action.name())),
        Err(error) => refused(Service::Route53, &error),
    }
}

/// Whether a line is of this protocol, rather than a form.
pub(super) fn is_rest(line: &[u8]) -> bool {
    let mut words = line.splitn(3, |byte| *byte == b' ');
    let method = words.next().unwrap_or_default();
    let path = words.next().unwrap_or_default();
    matches!(method, b"GET" | b"POST" | b"DELETE") && path.starts_with(b"/")
}

/// The call of a line.
pub(super) fn action(line: &[u8]) -> Result<Action, WireError> {
    let mut words = line.splitn(3, |byte| *byte == b' ');
    let method = words.next().unwrap_or_default();
    let target = String::from_utf8_lossy(words.next().unwrap_or_default()).into_owned();
    let body = words.next().unwrap_or_default();
    let unknown = || WireError::UnknownAction(target.clone());
    let method = Method::from_bytes(method).map_err(|_| unknown())?;
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let route = rest::route(&method, path)?;
    let name = route.action;
    let tree = rest::parameters(route, form::parse(query.as_bytes())?, body)?;
    Action::read(Service::Route53, name, parameters(tree)).ok_or_else(unknown)?
}
