//! The console and the API by HTTPS, which ends here or at a proxy.

use std::net::SocketAddr;
use std::num::NonZeroU32;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{HeaderName, Method, Request, StatusCode, header};
use strait_http::{Rate, Transport};
use strait_plane::model::NewUser;

use crate::guest::{Guest, PASSWORD, field, form};
use crate::world::{Answer, World};

const NAME: &str = "api.strait.internal";
const FORWARDED: HeaderName = HeaderName::from_static("x-forwarded-for");

#[tokio::test]
async fn by_https_a_session_is_for_this_host_and_for_https() {
    for (transport, prefix) in [
        (Transport::Tls, "__Host-"),
        (Transport::BehindTls, "__Host-"),
        (Transport::Plain, ""),
    ] {
        let world = World::by(transport).await;
        let page = Guest::nobody(&world).get("/login").await;
        let begun = world
            .sign_in("ada@example.com", &page, "127.0.0.1:40000", None)
            .await;
        assert_eq!(begun.status, StatusCode::SEE_OTHER, "{begun:?}");
        let set = begun.headers[header::SET_COOKIE].to_str().expect("text");
        assert!(
            set.starts_with(&format!("{prefix}strait_session=sts_")),
            "{set}"
        );
        assert_eq!(set.contains("; Secure"), !prefix.is_empty(), "{set}");
        let token = set.split(['=', ';']).nth(1).expect("a token");
        for (name, passes) in [
            (format!("{prefix}strait_session"), true),
            // A cookie that a page of another host may have set.
            ("strait_session".to_owned(), prefix.is_empty()),
        ] {
            let request = Request::get("/projects")
                .header(header::HOST, NAME)
                .header(header::COOKIE, format!("{name}={token}"))
                .body(Body::empty());
            let page = world.send(request.expect("a request")).await;
            assert_eq!(
                page.status == StatusCode::OK,
                passes,
                "{transport:?} {name}: {page:?}"
            );
            let strict = page.headers.contains_key(header::STRICT_TRANSPORT_SECURITY);
            assert_eq!(strict, !prefix.is_empty(), "{transport:?}");
        }
        let local = Guest::nobody(&world).get("/login").await;
        let strict = local
            .headers
            .contains_key(header::STRICT_TRANSPORT_SECURITY);
        assert!(!strict, "127.0.0.1 is other programs’ too");
    }
}

#[tokio::test]
async fn behind_a_proxy_a_place_is_what_the_proxy_says() {
    let world = World::by(Transport::BehindTls).await;
    let page = Guest::nobody(&world).get("/login").await;
    for (peer, forwarded, place) in [
        (
            "127.0.0.1:40000",
            Some("203.0.113.9, 192.0.2.7"),
            "192.0.2.7",
        ),
        ("127.0.0.1:40000", None, "127.0.0.1"),
        ("198.51.100.9:40000", Some("192.0.2.7"), "198.51.100.9"),
    ] {
        let email = format!("{}@example.com", place.replace('.', "-"));
        let begun = world.sign_in(&email, &page, peer, forwarded).await;
        assert_eq!(begun.status, StatusCode::SEE_OTHER, "{begun:?}");
        let sessions = world.plane.list_sessions(&email).await.expect("sessions");
        assert_eq!(
            sessions[0].address.as_deref(),
            Some(place),
            "{peer} {forwarded:?}"
        );
    }
}

#[tokio::test]
async fn pages_are_counted_by_where_they_are_asked_for() {
    let rate = Rate {
        each_second: NonZeroU32::MIN,
        at_once: NonZeroU32::new(3).expect("not zero"),
    };
    let world = World::with_rate(rate).await;
    let ask = async |peer: &str| {
        let peer: SocketAddr = peer.parse().expect("an address");
        let request = Request::get("/login")
            .extension(ConnectInfo(peer))
            .header(header::HOST, NAME)
            .body(Body::empty());
        world.send(request.expect("a request")).await
    };
    for number in 0..3 {
        let page = ask("192.0.2.7:40000").await;
        assert_eq!(page.status, StatusCode::OK, "{number}: {page:?}");
    }
    let refused = ask("192.0.2.7:40001").await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(refused.headers.contains_key(header::RETRY_AFTER));
    for elsewhere in ["192.0.2.8:40000", "127.0.0.1:40000"] {
        let page = ask(elsewhere).await;
        assert_eq!(page.status, StatusCode::OK, "{elsewhere}");
    }
}

impl World {
    /// Makes somebody, who signs in by this page from there.
    async fn sign_in(
        &self,
        email: &str,
        page: &Answer,
        peer: &str,
        forwarded: Option<&str>,
    ) -> Answer {
        let new = NewUser {
            email: email.to_owned(),
            name: None,
            password: Some(PASSWORD.to_owned()),
        };
        self.plane.create_user(new).await.expect("a user");
        let cookie = page.headers[header::SET_COOKIE].to_str().expect("text");
        let peer: SocketAddr = peer.parse().expect("an address");
        let mut request = Request::builder()
            .method(Method::POST)
            .uri("/login")
            .extension(ConnectInfo(peer))
            .header(header::HOST, NAME)
            .header(header::ORIGIN, format!("https://{NAME}"))
            .header(header::COOKIE, cookie.split(';').next().unwrap_or_default())
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        if let Some(forwarded) = forwarded {
            request = request.header(FORWARDED, forwarded);
        }
        let fields = [("email", email), ("password", PASSWORD)];
        let body = form(&field(page, "form_token"), &fields);
        self.send(request.body(Body::from(body)).expect("a request"))
            .await
    }
}
