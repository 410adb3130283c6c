//! Somebody with a browser in front of the console.

use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use axum::response::Response;
use strait_plane::model::{NewUser, Role};

use crate::world::{Answer, World};

/// Everybody's.
pub(crate) const PASSWORD: &str = "correct horse battery staple";

/// Somebody with a browser.
pub(crate) struct Guest<'a> {
    world: &'a World,
    pub(crate) email: String,
    cookie: String,
    /// What its forms have to carry.
    pub(crate) token: String,
}

impl<'a> Guest<'a> {
    pub(crate) fn nobody(world: &'a World) -> Self {
        Self {
            world,
            email: String::new(),
            cookie: String::new(),
            token: String::new(),
        }
    }

    /// Who has the page to sign in before them.
    pub(crate) async fn visit(world: &'a World) -> Self {
        let page = Self::nobody(world).get("/login").await;
        let token = field(&page, "form_token");
        Self {
            cookie: cookie(&page),
            token,
            ..Self::nobody(world)
        }
    }

    /// A member with this role, signed in.
    pub(crate) async fn with(world: &'a World, role: Role) -> Self {
        Self::of(world, &world.project, role).await
    }

    /// The same in another project.
    pub(crate) async fn of(world: &'a World, project: &str, role: Role) -> Self {
        let guest = Self::outside(world).await;
        let added = world.plane.add_member(project, &guest.email, role);
        added.await.expect("a member");
        guest
    }

    /// A member of nothing, signed in.
    pub(crate) async fn outside(world: &'a World) -> Self {
        let number = world.plane.list_users().await.expect("users").len();
        let email = format!("guest-{number}@example.org");
        let new = NewUser {
            email: email.clone(),
            name: None,
            password: Some(PASSWORD.to_owned()),
        };
        world.plane.create_user(new).await.expect("a user");
        let visit = Self::visit(world).await;
        let fields = [("email", email.as_str()), ("password", PASSWORD)];
        let begun = visit.post("/login", &fields).await;
        assert_eq!(begun.status, StatusCode::SEE_OTHER, "{begun:?}");
        let guest = Self {
            world,
            email,
            cookie: cookie(&begun),
            token: String::new(),
        };
        let token = field(&guest.get("/projects").await, "form_token");
        Self { token, ..guest }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        let request = self.asking(Method::GET, path).body(Body::empty());
        self.world.send(request.expect("a request")).await
    }

    /// Sends a form as a browser does that got it from us.
    pub(crate) async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        self.post_with(path, &self.token, fields).await
    }

    pub(crate) async fn post_with(
        &self,
        path: &str,
        token: &str,
        fields: &[(&str, &str)],
    ) -> Answer {
        self.world.send(self.posting(path, token, fields)).await
    }

    /// A page or the answer to a form, whose text is still to come and may be without an end.
    pub(crate) async fn begin(
        &self,
        method: &str,
        path: &str,
        fields: &[(&str, &str)],
    ) -> Response {
        let request = match method {
            "GET" => {
                let request = self.asking(Method::GET, path).body(Body::empty());
                request.expect("a request")
            }
            _ => self.posting(path, &self.token, fields),
        };
        self.world.respond(request).await
    }

    fn posting(&self, path: &str, token: &str, fields: &[(&str, &str)]) -> Request<Body> {
        let request = self
            .asking(Method::POST, path)
            .header(header::ORIGIN, "http://127.0.0.1:8470")
            .header("sec-fetch-site", "same-origin")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        let request = request.body(Body::from(form(token, fields)));
        request.expect("a request")
    }

    pub(crate) fn asking(&self, method: Method, path: &str) -> axum::http::request::Builder {
        Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, "127.0.0.1:8470")
            .header(header::ACCEPT, "text/html")
            .header(header::COOKIE, &self.cookie)
    }
}

/// A form as browsers send it.
pub(crate) fn form(token: &str, fields: &[(&str, &str)]) -> String {
    let token = ("form_token", token);
    let all = std::iter::once(&token).chain(fields);
    let pairs = all.map(|(name, value)| format!("{name}={}", escaped(value)));
    pairs.collect::<Vec<_>>().join("&")
}

fn escaped(text: &str) -> String {
    let bytes = text.bytes();
    bytes
        .map(|byte| match byte.is_ascii_alphanumeric() {
            true => char::from(byte).to_string(),
            false => format!("%{byte:02X}"),
        })
        .collect()
}

fn cookie(answer: &Answer) -> String {
    let set = answer.headers[header::SET_COOKIE].to_str().expect("text");
    set.split(';').next().unwrap_or_default().to_owned()
}

/// The value of a hidden field.
pub(crate) fn field(page: &Answer, name: &str) -> String {
    let start = format!("name=\"{name}\" value=\"");
    let rest = page.text.split_once(&start);
    let (_, rest) = rest.unwrap_or_else(|| panic!("no {name} in {page:?}"));
    rest.split('"').next().unwrap_or_default().to_owned()
}

/// Where the forms of a page are sent.
pub(crate) fn actions(page: &Answer) -> Vec<&str> {
    let forms = page.text.split("method=\"post\" action=\"").skip(1);
    forms
        .map(|form| form.split('"').next().unwrap_or_default())
        .collect()
}
