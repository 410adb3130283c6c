//! Services.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use strait_plane::model::{self, NewService, Object};
use strait_plane::{ErrorKind, Plane};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Shared;
use crate::access::{By, InProject};
use crate::body::{Body, Segments, ServicePath};
use crate::error::{ApiError, ErrorBody};
use crate::objects::{
    CreatedService, NamedInput, RegistrationInput, Service, ServiceInput, ServiceMessage,
    ServiceVpcInput,
};
use crate::wait::{Verdict, Wait};

pub(crate) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(register))
        .routes(routes!(get, delete))
        .routes(routes!(start))
        .routes(routes!(stop))
        .routes(routes!(rename))
        .routes(routes!(attach))
        .routes(routes!(detach))
}

type Accepted = Result<(StatusCode, Json<Service>), ApiError>;

/// Lists the project's services.
#[utoipa::path(
    get, path = "/projects/{project_id}/services", tag = "Services", operation_id = "getServices",
    params(("project_id" = String, Path, description = "The project's id or name.")),
    responses((status = 200, body = Vec<Service>, description = "The services."), (status = "4XX", body = ErrorBody, description = "Refused."))
)]
async fn list(
    State(app): State<Shared>,
    InProject(project): InProject,
) -> Result<Json<Vec<Service>>, ApiError> {
    let mut shown = Vec::new();
    for service in app.plane.list_services(&project).await? {
        shown.push(show(&app.plane, service).await?);
    }
    Ok(Json(shown))
}

/// Makes a service. The answer has its password, this once; the service is there when its status is `READY`.
#[utoipa::path(
    post, path = "/projects/{project_id}/services", tag = "Services", operation_id = "createService",
    params(("project_id" = String, Path, description = "The project's id or name.")),
    request_body = ServiceInput,
    responses((status = 202, body = CreatedService, description = "Taken on."), (status = "4XX", body = ErrorBody, description = "Refused."))
)]
async fn create(
    By(plane): By,
    InProject(project): InProject,
    Body(new): Body<ServiceInput>,
) -> Result<(StatusCode, Json<CreatedService>), ApiError> {
    new.check()?;
    let (environment, addons) = (new.environment()?, new.addons()?);
    let (region, vpc) = (new.region_code.as_deref(), new.vpc_id.as_deref());
    let region_code = region_of(&plane, &project, region, vpc).await?;
    let new = NewService {
        name: new.name,
        region_code,
        vpc: new.vpc_id,
        environment,
        addons,
    };
    let created = plane.create_service(&project, new).await?;
    let service = show(&plane, created.service).await?;
    Ok((
        StatusCode::ACCEPTED,
        Json(CreatedService {
            service,
            initial_password: created.initial_password,
        }),
    ))
}

/// Takes on a PostgreSQL that exists. It stays as public or private as it is until it is attached to a Peering VPC. Where
/// the server has an admin key, this takes it: the operator's own networks and groups are opened and closed.
#[utoipa::path(
    post, path = "/projects/{project_id}/services/register", tag = "Services", operation_id = "registerService",
    security(("admin_key" = []), ("key_pair" = [])),
    params(("project_id" = String, Path, description = "The project's id or name.")),
    request_body = RegistrationInput,
    responses((status = 202, body = Service, description = "Taken on."), (status = "4XX", body = ErrorBody, description = "Refused."))
)]
async fn register(
    By(plane): By,
    InProject(project): InProject,
    Body(new): Body<RegistrationInput>,
) -> Accepted {
    let new = new.asked(&plane.supported_regions())?;
    let service = plane.register_service(&project, new).await?;
    Ok((StatusCode::ACCEPTED, Json(show(&plane, service).await?)))
}

/// Shows a service.
#[utoipa::path(
    get, path = "/projects/{project_id}/services/{service_id}", tag = "Services", operation_id = "getService",
    params(
        ("project_id" = String, Path, description = "The project's id or name."),
        ("service_id" = String, Path, description = "The service's id or name."),
        ("wait" = Option<u64>, Query, maximum = 60, description = "Answer when it is as it was asked for, or after so many seconds (at most 60).")
    ),
    responses((status = 200, body = Service, description = "The service.", headers(("Strait-Settled" = String, description = "After a wait: yes, failed or not-yet."))), (status = "4XX", body = ErrorBody, description = "Refused."))
)]
async fn get(
    State(app): State<Shared>,
    InProject(project): InProject,
    Segments(named): Segments<ServicePath>,
    wait: Wait,
) -> Result<(Verdict, Json<Service>), ApiError> {
    let service = app.plane.service(&project, &named.service_id).await?;
    if !wait.is_asked() {
        return Ok((None, Json(show(&app.plane, service).await?)));
    }
    let verdict = wait
        .until_settled(&app.plane, &Object::Service(service.service_id.clone()))
        .await?;
    let service = app.plane.service(&project, &service.service_id).await?;
    Ok((verdict, Json(show(&app.plane, service).await?)))
}

/// Deletes a service with its data.
#[utoipa::path(
    delete, path = "/projects/{project_id}/services/{service_id}", tag = "Services", operation_id = "deleteService",
    params(
        ("project_id" = String, Path, description = "The project's id or name."),
        ("service_id" = String, Path, description = "The service's id or name.")
    ),
    responses((status = 202, body = Service, description = "Taken on."), (status = "4XX", body = ErrorBody, description = "Refused."))
)]
async fn delete(
    By(plane): By,
    InProject(project): InProject,
    Segments(named): Segments<ServicePath>,
) -> Accepted {
    let service = plane.delete_service(&project, &named.service_id).await?;
    Ok((StatusCode::ACCEPTED, Json(Service::new(service, None))))
}

/// Starts a stopped service.
#[utoipa::path(
    post, path = "/projects/{project_id}/services/{service_id}/start", tag = "Services", operation_id = "startService",
    params(
        ("project_id" = String, Path, description = "The project's id or name."),
        ("service_id" = String, Path, description = "The service's id or name.")
    ),
    responses((status = 202, body = Service, description = "Taken on."), (status = "4XX", body = ErrorBody, description = "Refused."))
)]
async fn start(
    By(plane): By,
    InProject(project): InProject,
    Segments(named): Segments<ServicePath>,
) -> Accepted {
    let service = plane.start_service(&project, &named.service_id).await?;
    Ok((StatusCode::ACCEPTED, Json(show(&plane, service).await?)))
}

/// Stops a service; its data stays.
#[utoipa::path(
    post, path = "/projects/{project_id}/services/{service_id}/stop", tag = "Services", operation_id = "stopService",
    params(
        ("project_id" = String, Path, description = "The project's id or name."),
        ("service_id" = String, Path, description = "The service's id or name.")
    ),
    responses((status = 202, body = Service, description = "Taken on."), (status = "4XX", body = ErrorBody, description = "Refused."))
)]
async fn stop(
    By(plane): By,
    InProject(project): InProject,
    Segments(named): Segments<ServicePath>,
) -> Accepted {
    let service = plane.stop_service(&project, &named.service_id).await?;
    Ok((StatusCode::ACCEPTED, Json(show(&plane, service).await?)))
}

/// Renames a service. Its host names stay: they are made of its id.
#[utoipa::path(
    post, path = "/projects/{project_id}/services/{service_id}/rename", tag = "Services", operation_id = "renameService",
    params(
        ("project_id" = String, Path, description = "The project's id or name."),
        ("service_id" = String, Path, description = "The service's id or name.")
    ),
    request_body = NamedInput,
    responses((status = 200, body = Service, description = "Renamed."), (status = "4XX", body = ErrorBody, description = "Refused."))
)]
async fn rename(
    By(plane): By,
    InProject(project): InProject,
    Segments(named): Segments<ServicePath>,
    Body(new): Body<NamedInput>,
) -> Result<Json<Service>, ApiError> {
    let service = plane
        .rename_service(&project, &named.service_id, &new.name)
        .await?;
    Ok(Json(show(&plane, service).await?))
}

/// Moves a service into a Peering VPC: from then on only its peered networks reach it.
#[utoipa::path(
    post, path = "/projects/{project_id}/services/{service_id}/attachToVPC", tag = "Services", operation_id = "attachServiceToVPC",
    params(
        ("project_id" = String, Path, description = "The project's id or name."),
        ("service_id" = String, Path, description = "The service's id or name.")
    ),
    request_body = ServiceVpcInput,
    responses((status = 202, body = ServiceMessage, description = "Taken on."), (status = "4XX", body = ErrorBody, description = "Refused."))
)]
async fn attach(
    By(plane): By,
    InProject(project): InProject,
    Segments(named): Segments<ServicePath>,
    Body(into): Body<ServiceVpcInput>,
) -> Result<(StatusCode, Json<ServiceMessage>), ApiError> {
    let service = plane
        .attach_service(
            &project,
            &named.service_id,
            &into.vpc_id,
            into.drain_seconds,
        )
        .await?;
    let message = format!(
        "The service {} is being attached to the VPC {}.",
        service.service_id, into.vpc_id
    );
    let service = show(&plane, service).await?;
    Ok((
        StatusCode::ACCEPTED,
        Json(ServiceMessage { message, service }),
    ))
}

/// Moves a service out of its Peering VPC: from then on it is public.
#[utoipa::path(
    post, path = "/projects/{project_id}/services/{service_id}/detachFromVPC", tag = "Services", operation_id = "detachServiceFromVPC",
    params(
        ("project_id" = String, Path, description = "The project's id or name."),
        ("service_id" = String, Path, description = "The service's id or name.")
    ),
    request_body = ServiceVpcInput,
    responses((status = 202, body = ServiceMessage, description = "Taken on."), (status = "4XX", body = ErrorBody, description = "Refused."))
)]
async fn detach(
    By(plane): By,
    InProject(project): InProject,
    Segments(named): Segments<ServicePath>,
    Body(from): Body<ServiceVpcInput>,
) -> Result<(StatusCode, Json<ServiceMessage>), ApiError> {
    let service = plane
        .detach_service(
            &project,
            &named.service_id,
            Some(&from.vpc_id),
            from.drain_seconds,
        )
        .await?;
    let message = format!(
        "The service {} is being detached from the VPC {}.",
        service.service_id, from.vpc_id
    );
    let service = show(&plane, service).await?;
    Ok((
        StatusCode::ACCEPTED,
        Json(ServiceMessage { message, service }),
    ))
}

/// The service with its connection lines, which are to be had as soon as a way is open.
pub(crate) async fn show(plane: &Plane, service: model::Service) -> Result<Service, ApiError> {
    if service.endpoint.is_none() {
        // Its name is known before it leads anywhere: clients keep passwords under it.
        let host = (service.registration.is_none()).then(|| plane.stable_host(&service));
        return Ok(Service::new(service, None).reached_at(host));
    }
    let lines = match plane
        .service_connection(&service.project_id, &service.service_id)
        .await
    {
        Ok(lines) => Some(lines),
        Err(error) if matches!(error.kind(), ErrorKind::Conflict | ErrorKind::NotFound) => None,
        Err(error) => return Err(error.into()),
    };
    Ok(Service::new(service, lines))
}

/// The Region that was asked for, or its VPC's, or the first.
pub(crate) async fn region_of(
    plane: &Plane,
    project: &str,
    region: Option<&str>,
    vpc: Option<&str>,
) -> Result<String, ApiError> {
    if let Some(region) = region {
        return Ok(region.to_owned());
    }
    if let Some(vpc) = vpc {
        return Ok(plane.vpc(project, vpc).await?.region_code);
    }
    let regions = plane.supported_regions();
    let preferred = regions
        .iter()
        .find(|region| *region == PREFERRED_REGION)
        .or(regions.first());
    preferred
        .cloned()
        .ok_or_else(|| ApiError::field("region_code", "region_code: no Region is supported here"))
}

/// Where services are that ask for no Region, as on Tiger and on AWS's own command line.
const PREFERRED_REGION: &str = "us-east-1";
