//! Forms: what was typed stays, what is wrong is said beside the field, and who posts one got it from us.

use std::collections::BTreeMap;

use axum::Form;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};

use super::visitor::{Visitor, random};
use crate::access::same;
use crate::error::ApiError;
use crate::{BODY_TIME, Shared, body};

/// The field with the token that only our own pages have.
pub(super) const TOKEN: &str = "form_token";

/// The field with the key of a form that counts once.
pub(super) const ONCE: &str = "once";

/// The fields of a form, and what is wrong with them.
#[derive(Debug, Clone, Default)]
pub(super) struct Fields {
    values: BTreeMap<String, String>,
    wrong: BTreeMap<&'static str, String>,
    refusal: Option<String>,
}

/// A form that a visitor posted from one of our pages.
pub(super) struct Posted(pub(super) Fields);

impl FromRequest<Shared> for Posted {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &Shared) -> Result<Self, ApiError> {
        let (mut parts, body) = request.into_parts();
        let visitor = Visitor::from_request_parts(&mut parts, app).await?;
        let fields = read(Request::from_parts(parts, body), app).await?;
        if !same(
            fields.get(TOKEN).as_bytes(),
            visitor.form_token().as_bytes(),
        ) {
            return Err(ApiError::Forged);
        }
        Ok(Self(fields))
    }
}

/// Back to the page that a form is on, once what it asked for is done; else that page, with what was refused. The fields of these
/// names stand on it.
pub(super) async fn answer<D, P>(
    done: Result<D, ApiError>,
    back: String,
    fields: &Fields,
    names: &[&'static str],
    page: impl FnOnce(Fields) -> P,
) -> Result<Response, ApiError>
where
    P: Future<Output = Result<Markup, ApiError>>,
{
    let Err(error) = done else {
        return Ok(Redirect::to(&back).into_response());
    };
    let fields = fields.clone().refused(error, names)?;
    Ok((StatusCode::UNPROCESSABLE_ENTITY, page(fields).await?).into_response())
}

/// Reads a form, whoever sent it.
pub(super) async fn read(request: Request, app: &Shared) -> Result<Fields, ApiError> {
    let (parts, body) = request.into_parts();
    let bytes = body::whole(Request::from_parts(parts.clone(), body), app, BODY_TIME).await?;
    let request = Request::from_parts(parts, bytes.into());
    let Form(values) = Form::from_request(request, app)
        .await
        .map_err(|rejection| {
            ApiError::Malformed(format!(
                "the form cannot be read: {}",
                rejection.body_text()
            ))
        })?;
    Ok(Fields {
        values,
        ..Fields::default()
    })
}

impl Fields {
    /// Those of a form that counts once, however often it is posted.
    pub(super) fn for_once() -> Self {
        Self::default().with(ONCE, random())
    }

    /// The key of such a form.
    pub(super) fn once(&self) -> Markup {
        html! { input type="hidden" name=(ONCE) value=(self.get(ONCE)); }
    }

    /// What was typed, as one text.
    pub(super) fn typed(&self) -> String {
        let typed = self.values.iter().filter(|(name, _)| *name != TOKEN);
        let lines = typed.map(|(name, value)| format!("{name}={value}\n"));
        lines.collect()
    }

    /// With this in a field.
    pub(super) fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.values.insert(name.to_owned(), value.into());
        self
    }

    /// What is in a field, without space around it.
    pub(super) fn get(&self, name: &str) -> &str {
        self.values.get(name).map_or("", |value| value.trim())
    }

    /// The same, unless it is empty.
    pub(super) fn given(&self, name: &str) -> Option<String> {
        let value = self.get(name);
        (!value.is_empty()).then(|| value.to_owned())
    }

    /// What is in a field, space and all, unless it is empty: a password.
    pub(super) fn raw(&self, name: &str) -> Option<String> {
        let value = self.values.get(name);
        value.filter(|value| !value.is_empty()).cloned()
    }

    /// Whether a box is ticked.
    pub(super) fn is_ticked(&self, name: &str) -> bool {
        !self.get(name).is_empty()
    }

    /// A number that may be left out, which is 0 then.
    pub(super) fn number(&self, name: &'static str) -> Result<u32, ApiError> {
        let text = self.get(name);
        if text.is_empty() {
            return Ok(0);
        }
        text.parse().map_err(|_| {
            ApiError::field(
                name,
                format!("{name}: {text:?} is no whole number of 0 or more"),
            )
        })
    }

    /// Why it was refused: beside its field, if it is about one of these, else above the form. What nobody can mend by
    /// typing something else is no matter of the form.
    pub(super) fn refused(
        mut self,
        error: ApiError,
        known: &[&'static str],
    ) -> Result<Self, ApiError> {
        if !is_about_input(&error) {
            return Err(error);
        }
        error.note();
        let message = error.to_string();
        let field = error.wrong_field();
        let found = known.iter().find(|name| {
            field.as_deref() == Some(**name) || message.starts_with(&format!("{name}: "))
        });
        match found {
            Some(name) => {
                let bare = message
                    .strip_prefix(&format!("{name}: "))
                    .unwrap_or(&message);
                self.wrong.insert(name, bare.to_owned());
            }
            None => self.refusal = Some(message),
        }
        Ok(self)
    }

    /// Why the whole form was refused, for the top of it.
    pub(super) fn refusal(&self) -> Markup {
        html! {
            @if let Some(refusal) = &self.refusal {
                div.note.bad role="alert" { p { (refusal) } }
            } @else if !self.wrong.is_empty() {
                div.note.bad role="alert" { p { "Nothing was changed yet. See what is wrong below." } }
            }
        }
    }

    /// A line to type in.
    pub(super) fn text(
        &self,
        name: &'static str,
        label: &str,
        hint: &str,
        more: &Line<'_>,
    ) -> Markup {
        let wrong = self.wrong.get(name);
        let hint_id = (!hint.is_empty()).then(|| format!("{name}-hint"));
        let wrong_id = wrong.map(|_| format!("{name}-wrong"));
        let described: Vec<String> = hint_id.iter().chain(&wrong_id).cloned().collect();
        let described = (!described.is_empty()).then(|| described.join(" "));
        html! {
            div.field {
                label for=(name) { (label) @if !more.required { " " small.soft { "(optional)" } } }
                @if let Some(id) = &hint_id { small id=(id) { (hint) } }
                input #(name) name=(name) type=(more.kind) class=[more.short.then_some("short")]
                    value=[(more.kind != "password").then(|| self.get(name))]
                    placeholder=[more.placeholder] required[more.required] autocomplete=(more.autocomplete)
                    spellcheck="false" autocapitalize="none" autofocus[more.first || wrong.is_some()]
                    inputmode=[more.inputmode] aria-invalid=[wrong.map(|_| "true")] aria-describedby=[described];
                (self.beside(name))
            }
        }
    }

    /// Several lines to type in.
    pub(super) fn area(&self, name: &'static str, label: &str, hint: &str) -> Markup {
        let wrong = self.wrong.get(name);
        let hint_id = format!("{name}-hint");
        let described = match wrong {
            Some(_) => format!("{hint_id} {name}-wrong"),
            None => hint_id.clone(),
        };
        html! {
            div.field {
                label for=(name) { (label) }
                small id=(hint_id) { (hint) }
                textarea #(name) name=(name) rows="8" spellcheck="false" autocapitalize="none" autocomplete="off"
                    autofocus[wrong.is_some()] aria-invalid=[wrong.map(|_| "true")] aria-describedby=(described) {
                    (self.get(name))
                }
                (self.beside(name))
            }
        }
    }

    /// A choice among few words, in a box that opens.
    pub(super) fn select(
        &self,
        name: &'static str,
        label: &str,
        options: &[(String, String)],
    ) -> Markup {
        let chosen = self.get(name);
        let wrong = self.wrong.contains_key(name);
        html! {
            div.field {
                label for=(name) { (label) }
                select #(name) name=(name) aria-invalid=[wrong.then_some("true")]
                    aria-describedby=[wrong.then(|| format!("{name}-wrong"))] {
                    @for (value, word) in options {
                        option value=(value) selected[value == chosen] { (word) }
                    }
                }
                (self.beside(name))
            }
        }
    }

    /// What is wrong with a field.
    pub(super) fn beside(&self, name: &str) -> Markup {
        html! {
            @if let Some(wrong) = self.wrong.get(name) {
                p.wrong #{ (name) "-wrong" } { (wrong) }
            }
        }
    }
}

/// What a line to type in is like.
pub(super) struct Line<'a> {
    /// Its type, in HTML's word.
    pub(super) kind: &'static str,
    /// Whether something has to be in it.
    pub(super) required: bool,
    /// Whether the typing begins here.
    pub(super) first: bool,
    /// Whether it is for a few digits.
    pub(super) short: bool,
    /// An example.
    pub(super) placeholder: Option<&'a str>,
    /// The keyboard that fits, in HTML's word.
    pub(super) inputmode: Option<&'static str>,
    /// What a browser may fill in, in HTML's word.
    pub(super) autocomplete: &'static str,
}

impl Default for Line<'_> {
    fn default() -> Self {
        Self {
            kind: "text",
            required: true,
            first: false,
            short: false,
            placeholder: None,
            inputmode: None,
            autocomplete: "off",
        }
    }
}

fn is_about_input(error: &ApiError) -> bool {
    use strait_plane::ErrorKind;
    match error {
        ApiError::Field { .. } => true,
        ApiError::Plane(error) => match error.kind() {
            ErrorKind::NotFound
            | ErrorKind::Invalid
            | ErrorKind::Conflict
            | ErrorKind::CutsSessions
            | ErrorKind::QuotaExceeded => true,
            ErrorKind::Unauthorized
            | ErrorKind::Forbidden
            | ErrorKind::TooMany
            | ErrorKind::Unavailable
            | ErrorKind::Internal => false,
        },
        ApiError::Unauthorized(_)
        | ApiError::NotAdmin
        | ApiError::NoSession
        | ApiError::Unasked
        | ApiError::Absent { .. }
        | ApiError::Forged
        | ApiError::Customers(_)
        | ApiError::Host(_)
        | ApiError::Malformed(_)
        | ApiError::ContentType(_)
        | ApiError::TooLarge
        | ApiError::TooSlow
        | ApiError::NoStore
        | ApiError::Unknown
        | ApiError::TooMany { .. }
        | ApiError::NoSuchPath(_)
        | ApiError::WrongMethod { .. } => false,
    }
}
