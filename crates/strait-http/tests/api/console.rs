//! The console's pages: who gets in, who is offered what, and what is refused.

use std::collections::BTreeSet;

use axum::body::Body;
use axum::http::{Method, StatusCode, header};
use strait_http::CustomerChange;
use strait_plane::model::{NewQuotaRequest, Quota, Role};

use crate::customers::{CUSTOMER, NETWORK};
use crate::guest::{Guest, PASSWORD, actions, field, form};
use crate::world::{Answer, REGION, World};

#[tokio::test]
async fn who_is_not_signed_in_is_led_to_where_that_is_done() {
    let world = World::new().await;
    let nobody = Guest::nobody(&world);
    let path = format!("/projects/{}/vpcs?x=1", world.project);
    let answer = nobody.get(&path).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    let to = format!("/login?next=/projects/{}/vpcs%3Fx%3D1", world.project);
    assert_eq!(answer.headers[header::LOCATION], to);

    let owner = Guest::with(&world, Role::Owner).await;
    let page = owner.get(&path).await;
    assert_eq!(page.status, StatusCode::OK, "{page:?}");
    assert!(page.text.contains("Peering VPCs"), "{page:?}");
}

#[tokio::test]
async fn a_wrong_password_a_foreign_form_and_a_used_link_open_nothing() {
    let world = World::new().await;
    let guest = Guest::with(&world, Role::Owner).await;
    let email = guest.email.clone();
    let visit = Guest::visit(&world).await;
    let right = [("email", email.as_str()), ("password", PASSWORD)];
    let wrong = visit
        .post("/login", &[right[0], ("password", "wrong")])
        .await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(wrong.text.contains("is wrong"), "{wrong:?}");
    assert!(wrong.text.contains(&email), "what was typed stays");
    assert!(!wrong.headers.contains_key(header::SET_COOKIE));
    let forged = visit.post_with("/login", "0", &right).await;
    assert_eq!(forged.status, StatusCode::FORBIDDEN);
    let begun = visit.post("/login", &right).await;
    assert_eq!(begun.status, StatusCode::SEE_OTHER, "{begun:?}");
    let cookie = begun.headers[header::SET_COOKIE].to_str().expect("text");
    for word in ["strait_session=sts_", "HttpOnly", "SameSite=Lax", "Path=/"] {
        assert!(cookie.contains(word), "{cookie}");
    }

    let link = world.plane.login_link(&email).await.expect("a link");
    let by_link = [("token", link.token.as_str())];
    let begun = visit.post("/login/link", &by_link).await;
    assert_eq!(begun.status, StatusCode::SEE_OTHER, "{begun:?}");
    let again = visit.post("/login/link", &by_link).await;
    assert_eq!(again.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(!again.headers.contains_key(header::SET_COOKIE));
    assert!(
        !again.text.contains(&link.token),
        "a token is not written into a page"
    );
}

#[tokio::test]
async fn who_signs_out_is_out() {
    let world = World::new().await;
    let owner = Guest::with(&world, Role::Owner).await;
    assert_eq!(owner.get("/projects").await.status, StatusCode::OK);
    let out = owner.post("/logout", &[]).await;
    assert_eq!(out.headers[header::LOCATION], "/login");
    let after = owner.get("/projects").await;
    assert_eq!(after.status, StatusCode::SEE_OTHER, "{after:?}");
}

#[tokio::test]
async fn nobody_is_led_to_another_host_after_signing_in() {
    let world = World::new().await;
    let guest = Guest::with(&world, Role::Owner).await;
    let visit = Guest::visit(&world).await;
    for (next, to) in [
        ("/projects?x=1", "/projects?x=1"),
        ("//evil.example/", "/"),
        ("https://evil.example/", "/"),
        ("/\\evil.example", "/"),
    ] {
        let fields = [
            ("email", guest.email.as_str()),
            ("password", PASSWORD),
            ("next", next),
        ];
        let begun = visit.post("/login", &fields).await;
        assert_eq!(begun.headers[header::LOCATION], to, "{next}");
    }
}

#[tokio::test]
async fn every_page_forbids_what_it_does_not_need() {
    let world = World::new().await;
    let (vpc, service) = (world.vpc("10.80.0.0/20").await, world.service().await);
    let owner = Guest::with(&world, Role::Owner).await;
    let mut paths = world.pages(&vpc, &service);
    paths.extend(["/login", "/projects", "/account", "/nowhere"].map(str::to_owned));
    for path in paths {
        let page = owner.get(&path).await;
        let policy = page.headers[header::CONTENT_SECURITY_POLICY].to_str();
        let policy = policy.expect("text");
        for rule in [
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "form-action 'self'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
        ] {
            assert!(policy.contains(rule), "{path}: {policy}");
        }
        assert!(!policy.contains("unsafe"), "{path}: {policy}");
        assert_eq!(page.headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
        assert_eq!(page.headers[header::CACHE_CONTROL], "no-store", "{path}");
        assert!(page.text.starts_with("<!DOCTYPE html>"), "{path}: {page:?}");
        for inline in [" style=\"", " onclick=", "<script>", "<style>"] {
            assert!(!page.text.contains(inline), "{path} has {inline}");
        }
        // A page that forgot its token could not be sent.
        let forms = page.text.matches("method=\"post\"").count();
        let tokens = page.text.matches("name=\"form_token\"").count();
        assert_eq!(forms, tokens, "{path}");
    }
    let missing = owner.get("/nowhere").await;
    assert_eq!(missing.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn what_is_compiled_in_is_kept_by_browsers_for_good() {
    let world = World::new().await;
    let nobody = Guest::nobody(&world);
    let page = nobody.get("/login").await;
    let assets: Vec<&str> = page
        .text
        .split('"')
        .filter(|part| part.starts_with("/assets/"))
        .collect();
    assert_eq!(assets.len(), 3, "{assets:?}");
    for asset in assets {
        let kept = nobody.get(asset).await;
        assert_eq!(kept.status, StatusCode::OK, "{asset}");
        let how = kept.headers[header::CACHE_CONTROL].to_str().expect("text");
        assert!(how.contains("immutable"), "{asset}: {how}");
        let older = asset.replacen('.', ".0", 1);
        assert_eq!(nobody.get(&older).await.status, StatusCode::NOT_FOUND);
    }
}

#[tokio::test]
async fn who_may_not_is_offered_nothing_and_refused_all() {
    let world = World::new().await;
    let (vpc, service) = (world.vpc("10.80.0.0/20").await, world.service().await);
    let viewer = Guest::with(&world, Role::Viewer).await;
    let developer = Guest::with(&world, Role::Developer).await;
    let owner = Guest::with(&world, Role::Owner).await;
    let shown = [
        "services",
        "vpcs",
        "operations",
        "events",
        "members",
        "keys",
        "quotas",
        "usage",
    ]
    .map(|page| format!("/projects/{}/{page}", world.project));
    let of_these = [
        format!("/projects/{}/vpcs/{vpc}", world.project),
        format!("/projects/{}/services/{service}", world.project),
        format!("/projects/{}/services/{service}/operations", world.project),
    ];
    for path in shown.iter().chain(&of_these) {
        let page = viewer.get(path).await;
        assert_eq!(page.status, StatusCode::OK, "{path}");
        let forms: Vec<&str> = actions(&page);
        assert_eq!(forms, ["/logout"], "{path}: a viewer is offered this");
        for word in ["/new\"", "/delete\"", "/detach\"", "/allow/"] {
            assert!(!page.text.contains(word), "{path} offers {word}");
        }
    }
    let offered = owner.get(&of_these[0]).await;
    assert!(actions(&offered).len() > 1, "an owner is offered more");

    for (path, least) in world.changes(&vpc, &service) {
        let refused = viewer.post(&path, &[]).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "viewer: {path}");
        assert!(refused.text.contains("role"), "{refused:?}");
        let answer = developer.post(&path, &[]).await;
        let is_refused = answer.status == StatusCode::FORBIDDEN;
        assert_eq!(is_refused, !Role::Developer.covers(least), "{path}");
    }
    // The control: the same by an owner is refused for what is missing in it at most.
    for (path, _) in world.changes(&vpc, &service) {
        let answer = owner.post(&path, &[]).await;
        assert_ne!(answer.status, StatusCode::FORBIDDEN, "owner: {path}");
    }
}

#[tokio::test]
async fn every_page_and_form_that_is_offered_says_whom_it_is_for() {
    let world = World::new().await;
    let (vpc, service) = (world.vpc("10.80.0.0/20").await, world.service().await);
    world
        .plane
        .request_quota(&world.project, &much())
        .await
        .expect("asked");
    let owner = Guest::with(&world, Role::Owner).await;
    let mut to_see = world.pages(&vpc, &service);
    to_see.extend(["/account".to_owned(), "/cloud".to_owned()]);
    let (mut seen, mut forms) = (BTreeSet::new(), BTreeSet::new());
    while let Some(path) = to_see.pop() {
        if !seen.insert(path.clone()) {
            continue;
        }
        let page = owner.get(&path).await;
        assert!(!page.status.is_server_error(), "{path}: {page:?}");
        forms.extend(actions(&page).into_iter().map(str::to_owned));
        to_see.extend(links(&page).into_iter().map(str::to_owned));
    }
    assert!(seen.len() > 25 && forms.len() > 12, "{seen:?} {forms:?}");
    // Whom it is for is looked at before who sent it: nothing is changed.
    for path in &forms {
        let forged = owner.post_with(path, "0", &[]).await;
        assert_eq!(forged.status, StatusCode::FORBIDDEN, "{path}: {forged:?}");
    }
}

#[tokio::test]
async fn another_project_is_as_one_that_is_not_there() {
    let world = World::new().await;
    let (vpc, service) = (world.vpc("10.80.0.0/20").await, world.service().await);
    let stranger = Guest::outside(&world).await;
    for path in world.pages(&vpc, &service) {
        let page = stranger.get(&path).await;
        assert_eq!(page.status, StatusCode::NOT_FOUND, "{path}");
    }
    for (path, _) in world.changes(&vpc, &service) {
        let answer = stranger.post(&path, &[]).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
    }
    let own = stranger.get("/projects").await;
    assert!(own.text.contains("You are in no project yet"), "{own:?}");

    let owner = Guest::with(&world, Role::Owner).await;
    for path in world.pages(&vpc, &service) {
        let page = owner.get(&path).await;
        assert_eq!(page.status, StatusCode::OK, "{path}");
    }
}

#[tokio::test]
async fn a_form_that_is_not_from_a_page_of_ours_changes_nothing() {
    let world = World::new().await;
    let owner = Guest::with(&world, Role::Owner).await;
    let other = Guest::with(&world, Role::Owner).await;
    let path = format!("/projects/{}/vpcs/new", world.project);
    let vpc = [("cidr", "10.80.0.0/20"), ("region_code", REGION)];
    for (what, token) in [("none", ""), ("of another session", other.token.as_str())] {
        let refused = owner.post_with(&path, token, &vpc).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{what}");
    }
    for (name, value, passes) in [
        ("sec-fetch-site", "cross-site", false),
        ("sec-fetch-site", "same-site", false),
        ("sec-fetch-site", "none", false),
        ("x-nothing", "at all", false),
        ("sec-fetch-site", "same-origin", true),
    ] {
        let request = owner
            .asking(Method::POST, &path)
            .header(name, value)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        let body = form(&owner.token, &vpc);
        let request = request.body(Body::from(body)).expect("a request");
        let answer = world.send(request).await;
        let there = world.plane.list_vpcs(&world.project).await.expect("VPCs");
        assert_eq!(there.len(), usize::from(passes), "{name}: {value}");
        let status = if passes {
            StatusCode::SEE_OTHER
        } else {
            StatusCode::FORBIDDEN
        };
        assert_eq!(answer.status, status, "{name}: {value}");
    }
}

#[tokio::test]
async fn what_is_wrong_stands_beside_its_field_and_what_was_typed_stays() {
    let world = World::new().await;
    let owner = Guest::with(&world, Role::Owner).await;
    let path = format!("/projects/{}/vpcs/new", world.project);
    let typed = [
        ("cidr", "10.80.0.0/8"),
        ("region_code", REGION),
        ("name", "<b>mine</b>"),
    ];
    let page = owner.post(&path, &typed).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    for text in [
        "id=\"cidr-wrong\"",
        "aria-invalid=\"true\"",
        "value=\"10.80.0.0/8\"",
        "value=\"&lt;b&gt;mine&lt;/b&gt;\"",
    ] {
        assert!(page.text.contains(text), "{text} is not in {page:?}");
    }
    assert!(
        !page.text.contains("<b>mine"),
        "what was typed is no part of the page"
    );
    let fine = [("cidr", "10.80.0.0/20"), ("region_code", REGION)];
    let made = owner.post(&path, &fine).await;
    assert_eq!(made.status, StatusCode::SEE_OTHER, "{made:?}");
    // What the plane finds in the way is about a field too.
    let clash = owner.post(&path, &fine).await;
    assert!(clash.text.contains("id=\"cidr-wrong\""), "{clash:?}");
}

#[tokio::test]
async fn a_service_that_is_asked_for_twice_by_one_form_is_made_once() {
    let world = World::new().await;
    let owner = Guest::with(&world, Role::Owner).await;
    let path = format!("/projects/{}/services/new", world.project);
    let once = field(&owner.get(&path).await, "once");
    let typed = [("once", once.as_str()), ("region_code", REGION)];
    let made = owner.post(&path, &typed).await;
    assert_eq!(made.status, StatusCode::OK, "{made:?}");
    let again = owner.post(&path, &typed).await;
    assert_eq!(
        password(&made),
        password(&again),
        "told again to who has the form"
    );
    let services = world.plane.list_services(&world.project).await;
    assert_eq!(services.expect("services").len(), 1);
    let next = field(&owner.get(&path).await, "once");
    let typed = [("once", next.as_str()), ("region_code", REGION)];
    let other = owner.post(&path, &typed).await;
    assert_ne!(
        password(&made),
        password(&other),
        "another form, another service"
    );
    let services = world.plane.list_services(&world.project).await;
    assert_eq!(services.expect("services").len(), 2);
}

#[tokio::test]
async fn customers_are_played_by_who_keeps_networks_and_seen_by_members() {
    let world = World::new().await;
    let viewer = Guest::with(&world, Role::Viewer).await;
    let admin = Guest::with(&world, Role::Admin).await;
    let stranger = Guest::outside(&world).await;
    let account = format!("/cloud/{CUSTOMER}");
    let pages = [
        "/cloud".to_owned(),
        account.clone(),
        format!("{account}/vpcs/{NETWORK}"),
    ];
    for path in &pages {
        assert_eq!(stranger.get(path).await.status, StatusCode::FORBIDDEN);
        let seen = viewer.get(path).await;
        assert_eq!(seen.status, StatusCode::OK, "{path}");
        assert_eq!(actions(&seen), ["/logout"], "{path}");
        let offered = admin.get(path).await;
        assert!(actions(&offered).len() > 1, "{path}");
    }
    let change = format!("{account}/change");
    let accept = [
        ("do", "accept"),
        ("peering", "pcx-0123456789abcdef0"),
        ("region", "us-east-1"),
    ];
    let refused = viewer.post(&change, &accept).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert_eq!(
        viewer.post("/cloud/example", &[]).await.status,
        StatusCode::FORBIDDEN
    );
    assert!(world.customers.changes.lock().expect("a lock").is_empty());
    let done = admin.post(&change, &accept).await;
    assert_eq!(done.headers[header::LOCATION], account, "{done:?}");
    let expected = CustomerChange::Accept {
        peering: "pcx-0123456789abcdef0".to_owned(),
    };
    assert_eq!(*world.customers.changes.lock().expect("a lock"), [expected]);
    let reject = [("do", "reject"), accept[1], accept[2]];
    let refused = admin.post(&change, &reject).await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
    assert!(refused.text.contains("It is too late"), "{refused:?}");
    let foreign = admin.get("/cloud/000000000000").await;
    assert_eq!(foreign.status, StatusCode::NOT_FOUND);
}

impl World {
    /// Every page of the project.
    fn pages(&self, vpc: &str, service: &str) -> Vec<String> {
        let pages = [
            "services".to_owned(),
            "services/new".to_owned(),
            format!("services/{service}"),
            format!("services/{service}/operations"),
            format!("services/{service}/allow/public"),
            format!("services/{service}/allow/private"),
            format!("services/{service}/detach"),
            format!("services/{service}/delete"),
            "vpcs".to_owned(),
            "vpcs/new".to_owned(),
            format!("vpcs/{vpc}"),
            format!("vpcs/{vpc}/delete"),
            format!("vpcs/{vpc}/peerings/new"),
            "operations".to_owned(),
            "events".to_owned(),
            "audit".to_owned(),
            "members".to_owned(),
            "keys".to_owned(),
            "quotas".to_owned(),
            "usage".to_owned(),
            "usage?month=2026-01".to_owned(),
        ];
        let base = format!("/projects/{}", self.project);
        pages.map(|page| format!("{base}/{page}")).into()
    }

    /// Every form of the project, with the least role that may send it. What deletes comes last.
    fn changes(&self, vpc: &str, service: &str) -> Vec<(String, Role)> {
        let of_service = |verb: &str| (format!("services/{service}/{verb}"), Role::Developer);
        let of_vpc = |verb: &str| (format!("vpcs/{vpc}/{verb}"), Role::Admin);
        let all = [
            ("services/new".to_owned(), Role::Developer),
            of_service("allow/public"),
            of_service("attach"),
            of_service("detach"),
            of_service("start"),
            of_service("rename"),
            of_service("stop"),
            of_service("delete"),
            ("vpcs/new".to_owned(), Role::Admin),
            of_vpc("rename"),
            of_vpc("keep"),
            of_vpc("peerings/new"),
            of_vpc("peerings/1234567890/request"),
            of_vpc("peerings/1234567890/delete"),
            ("members".to_owned(), Role::Admin),
            ("members/usr-x/role".to_owned(), Role::Admin),
            ("members/usr-x/remove".to_owned(), Role::Admin),
            ("keys".to_owned(), Role::Admin),
            ("keys/skx/revoke".to_owned(), Role::Admin),
            ("quotas".to_owned(), Role::Developer),
            ("quotas/qr-x/withdraw".to_owned(), Role::Developer),
            of_vpc("delete"),
        ];
        let base = format!("/projects/{}", self.project);
        all.map(|(path, role)| (format!("{base}/{path}"), role))
            .into()
    }
}

/// The pages that one leads to.
fn links(page: &Answer) -> Vec<&str> {
    let all = page.text.split("<a").skip(1);
    all.filter_map(|link| link.split('>').next()?.split_once("href=\""))
        .filter_map(|(_, rest)| rest.split('"').next())
        .filter(|to| to.starts_with('/') && !to.contains('?') && !to.starts_with("/assets"))
        .collect()
}

fn much() -> NewQuotaRequest {
    NewQuotaRequest {
        quota: Quota::Vpcs,
        wanted: 9,
        reason: "a second customer in each Region".to_owned(),
    }
}

fn password(page: &Answer) -> &str {
    let rest = page.text.split_once("data-what=\"the password\"><code>");
    let (_, rest) = rest.unwrap_or_else(|| panic!("no password in {page:?}"));
    rest.split('<').next().unwrap_or_default()
}
