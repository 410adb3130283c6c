//! The API over a real plane and a real store, with a cloud and services that only pretend: for tools that send very many
//! requests. Prints where it is, its project and keys as JSON; ends when its input does.

#[path = "../../strait-plane/tests/common/mod.rs"]
#[allow(dead_code, reason = "the plane's tests use more of it")]
mod common;

use std::io::Read;
use std::sync::Arc;

use common::cloud::FakeCloud;
use common::postgres::FakePostgres;
use common::script::Script;
use strait_plane::Plane;
use strait_plane::model::{NewKey, Role};
use strait_plane::postgres::Origin;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let script = Script::new();
    let cloud = FakeCloud::new(Arc::clone(&script));
    let postgres = FakePostgres::new(script, Origin::Made);
    let pool = common::database::database().await;
    let options = strait_plane::Options::new("strait.internal".to_owned());
    let plane = Plane::start(pool, cloud, postgres, options).await?;
    let project = plane.create_project("pretended").await?;
    let key = plane
        .create_key(&project.id, NewKey::of(Role::Owner))
        .await?;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let admin_key = "the-operators-key";
    let told = serde_json::json!({
        "url": format!("http://{}", listener.local_addr()?),
        "project": project.id,
        "public_key": key.key.public_key,
        "secret_key": key.secret_key,
        "admin_key": admin_key,
    });
    println!("{told}");
    let options = strait_http::Options {
        admin_key: Some(admin_key.to_owned()),
        rate: strait_http::Rate {
            each_second: std::num::NonZeroU32::MAX,
            at_once: std::num::NonZeroU32::MAX,
        },
        ..strait_http::Options::default()
    };
    let router = strait_http::router(plane, options);
    let ended = tokio::task::spawn_blocking(|| {
        let mut rest = Vec::new();
        std::io::stdin().read_to_end(&mut rest)
    });
    tokio::select! {
        served = axum::serve(listener, router) => served?,
        read = ended => drop(read??),
    }
    Ok(())
}
