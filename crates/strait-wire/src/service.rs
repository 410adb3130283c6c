//! The services: what each is called in signatures, its version and its namespace.

use strait_vpc::api::Service;
use strait_vpc::state::region;

use crate::error::WireError;

/// How to find out which Regions there are.
pub(crate) const REGION_HINT: &str = "`strait regions` lists those that this cloud has.";

/// A service by the name that signatures scope to.
pub(crate) fn by_signing_name(name: &str) -> Result<Service, WireError> {
    match name {
        "ec2" => Ok(Service::Ec2),
        "elasticloadbalancing" => Ok(Service::Elb),
        "sts" => Ok(Service::Sts),
        "route53" => Ok(Service::Route53),
        other => Err(WireError::UnknownService(other.to_owned())),
    }
}

/// The service that a version belongs to: it decides the shape of an error while the signature tells nothing yet.
pub(crate) fn by_version(version: &str) -> Option<Service> {
    [Service::Ec2, Service::Elb, Service::Sts]
        .into_iter()
        .find(|service| self::version(*service) == version)
}

/// Refuses versions that are not ours: their answers have other shapes.
pub(crate) fn check_version(service: Service, asked: Option<&str>) -> Result<(), WireError> {
    let known = version(service);
    match asked {
        Some(asked) if asked != known => Err(WireError::UnknownVersion {
            service: name(service),
            asked: asked.to_owned(),
            known,
        }),
        Some(_) | None => Ok(()),
    }
}

/// Refuses Regions that there are not.
pub(crate) fn check_region(code: &str) -> Result<(), WireError> {
    if region(code).is_some_and(strait_vpc::state::RegionInfo::is_enabled) {
        return Ok(());
    }
    Err(WireError::UnknownRegion(code.to_owned()))
}

/// Whether a service speaks EC2's dialect; the others wrap their answers in a result.
pub(crate) const fn is_ec2(service: Service) -> bool {
    matches!(service, Service::Ec2)
}

/// The namespace of a service's answers.
pub(crate) const fn namespace(service: Service) -> &'static str {
    match service {
        Service::Ec2 => "http://ec2.amazonaws.com/doc/2016-11-15/",
        Service::Elb => "http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/",
        Service::Sts => "https://sts.amazonaws.com/doc/2011-06-15/",
        Service::Route53 => "https://route53.amazonaws.com/doc/2013-04-01/",
    }
}

const fn version(service: Service) -> &'static str {
    match service {
        Service::Ec2 => "2016-11-15",
        Service::Elb => "2015-12-01",
        Service::Sts => "2011-06-15",
        Service::Route53 => "2013-04-01",
    }
}

const fn name(service: Service) -> &'static str {
    match service {
        Service::Ec2 => "AmazonEC2",
        Service::Elb => "AmazonElasticLoadBalancing",
        Service::Sts => "AWSSecurityTokenService",
        Service::Route53 => "AmazonRoute53",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_are_told_apart_by_scope_and_version() {
        assert_eq!(
            by_signing_name("elasticloadbalancing").expect("known"),
            Service::Elb
        );
        assert!(
            matches!(by_signing_name("s3"), Err(WireError::UnknownService(name)) if name == "s3")
        );
        assert_eq!(by_version("2011-06-15"), Some(Service::Sts));
        assert_eq!(by_version("2012-06-01"), None);
    }

    #[test]
    fn classic_load_balancing_is_refused_by_its_version() {
        let error = check_version(Service::Elb, Some("2012-06-01")).expect_err("classic");
        assert_eq!(
            error.to_string(),
            "The requested version (2012-06-01) of service AmazonElasticLoadBalancing does not exist here. Use 2015-12-01."
        );
        check_version(Service::Elb, Some("2015-12-01")).expect("ours");
        check_version(Service::Ec2, None).expect("a version is not asked for");
    }

    #[test]
    fn an_unknown_region_is_named() {
        check_region("eu-central-1").expect("real");
        let error = check_region("mars-1").expect_err("not real");
        assert!(error.to_string().contains("'mars-1'"), "{error}");
    }
}
