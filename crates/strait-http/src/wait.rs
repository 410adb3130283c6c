//! `?wait=SECONDS`: a get that answers when the object is as it was asked for.

use std::time::Duration;

use axum::extract::{FromRequestParts, Query};
use axum::http::HeaderName;
use axum::http::request::Parts;
use serde::Deserialize;
use strait_plane::Plane;
use strait_plane::model::{Object, Settled};

use crate::Shared;
use crate::access::Asks;
use crate::error::ApiError;
use crate::turns::Turn;

/// How long one request may wait.
const LONGEST: u64 = 60;

/// How long to wait, if at all, and the turn that this takes.
pub(crate) struct Wait(Option<(Duration, Turn)>);

/// How the wait ended, as a header: `Strait-Settled: yes | failed | not-yet`.
pub(crate) type Verdict = Option<[(HeaderName, &'static str); 1]>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    wait: Option<String>,
}

impl Wait {
    pub(crate) fn is_asked(&self) -> bool {
        self.0.is_some()
    }

    /// Waits, and says how it ended.
    pub(crate) async fn until_settled(
        &self,
        plane: &Plane,
        object: &Object,
    ) -> Result<Verdict, ApiError> {
        let Some((timeout, _)) = &self.0 else {
            return Ok(None);
        };
        let word = match plane.settled(object, *timeout).await? {
            Settled::Yes => "yes",
            Settled::Failed => "failed",
            Settled::NotYet => "not-yet",
            // The get that follows says that it is gone.
            Settled::Gone => return Ok(None),
        };
        Ok(Some([(HeaderName::from_static("strait-settled"), word)]))
    }
}

impl FromRequestParts<Shared> for Wait {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Result<Self, ApiError> {
        let Query(asked) = Query::<Asked>::try_from_uri(&parts.uri).map_err(|rejection| {
            ApiError::field("wait", format!("wait: {}", rejection.body_text()))
        })?;
        let Some(text) = asked.wait else {
            return Ok(Self(None));
        };
        let time = patience(&text)?;
        let Asks(identity) = Asks::from_request_parts(parts, app).await?;
        let turn = app.waits.take(&identity)?;
        Ok(Self(Some((time, turn))))
    }
}

/// A time to wait as it is given: `30` or `30s`.
pub(crate) fn patience(text: &str) -> Result<Duration, ApiError> {
    let Ok(seconds) = text.strip_suffix('s').unwrap_or(text).parse::<u64>() else {
        return Err(ApiError::field(
            "wait",
            format!("wait: {text:?} is no number of seconds, like 30 or 30s"),
        ));
    };
    if seconds > LONGEST {
        return Err(ApiError::field(
            "wait",
            format!("wait: {seconds} seconds are more than {LONGEST}; ask again after each answer"),
        ));
    }
    Ok(Duration::from_secs(seconds))
}
