//! Private DNS names: what proves them, and which endpoints may have them.

use std::collections::BTreeSet;

use jiff::SignedDuration;

use super::*;

#[test]
fn a_name_comes_with_the_record_that_proves_it() {
    let mut test = Test::new();
    let service = test.named(Some("DB.example.com")).expect("a service");
    assert_eq!(service.private_dns_name.as_deref(), Some("db.example.com"));
    let first = service
        .private_dns_name_configuration
        .expect("what proves it");
    assert_eq!((first.state, first.kind), ("pendingVerification", "TXT"));
    assert!(first.name.starts_with('_') && first.name.len() == 21);
    assert!(first.value.starts_with("vpce:") && first.value.len() == 25);
    assert_eq!(code(test.named(Some("localhost"))), "InvalidParameter");
    let none = test.named(None).expect("a service");
    assert_eq!(none.private_dns_name, None);
    assert!(none.private_dns_name_configuration.is_none());
}

#[test]
fn another_name_needs_another_proof() {
    let mut test = Test::new();
    test.rename(Some("db.example.com"), false).expect("a name");
    let first = test.private();
    test.rename(Some("db.example.com"), false)
        .expect("the same");
    assert_eq!(test.private(), first);
    test.prove();
    test.rename(Some("*.example.com"), false).expect("another");
    let second = test.private().expect("a name");
    assert_eq!(second.state, DnsNameState::Pending(None));
    assert!(!second.proved);
    assert_ne!(second.record_value, first.expect("a name").record_value);
}

#[test]
fn a_name_is_taken_away_when_nobody_is_connected() {
    let mut test = Test::new();
    test.rename(Some("db.example.com"), false).expect("a name");
    assert_eq!(
        code(test.rename(Some("db.example.com"), true)),
        "InvalidParameterCombination"
    );
    assert_eq!(
        code(test.rename(None, true)),
        "ExistingVpcEndpointConnections"
    );
    test.endpoint().state = EndpointState::Rejected;
    test.rename(None, true).expect("it goes");
    assert_eq!(test.private(), None);
}

#[test]
fn a_record_is_looked_for_for_three_days() {
    let mut test = Test::new();
    assert_eq!(code(test.start()), "InvalidParameter", "there is no name");
    test.rename(Some("db.example.com"), false).expect("a name");
    test.pass(100);
    assert_eq!(test.state(), Some("pendingVerification"), "nobody asked");
    test.start().expect("it is looked for");
    test.pass(71);
    assert_eq!(test.state(), Some("pendingVerification"));
    test.pass(72);
    assert_eq!(test.state(), Some("failed"));
    test.start().expect("it is looked for again");
    assert_eq!(test.state(), Some("pendingVerification"));
}

#[test]
fn the_record_of_a_public_zone_proves_a_name() {
    let mut test = Test::new();
    test.rename(Some("db.example.com"), false).expect("a name");
    test.start().expect("it is looked for");
    let private = test.private().expect("a name");
    let name = format!("{}.example.com", private.record_name);
    test.zone("Z1", "example.com", &[]);
    test.record("Z1", &name, RecordKind::Txt, "\"other\"");
    test.pass(1);
    assert_eq!(test.state(), Some("pendingVerification"));
    // Split as long values are: what counts is the whole.
    let (left, right) = private.record_value.split_at(7);
    test.record(
        "Z1",
        &name,
        RecordKind::Txt,
        &format!("\"{left}\" \"{right}\""),
    );
    test.pass(2);
    assert_eq!(test.state(), Some("verified"));
}

#[test]
fn a_zone_that_nobody_leads_to_proves_nothing() {
    let mut test = Test::new();
    test.rename(Some("db.example.com"), false).expect("a name");
    let private = test.private().expect("a name");
    let name = format!("{}.example.com", private.record_name);
    test.zone("Z1", "example.com", &[]);
    test.zone("Z2", &name, &["ns-1.test"]);
    let value = format!("\"{}\"", private.record_value);
    test.record("Z2", &name, RecordKind::Txt, &value);
    test.start().expect("it is looked for");
    assert_eq!(test.state(), Some("pendingVerification"));
    test.record("Z1", &name, RecordKind::Ns, "ns-1.test");
    test.pass(1);
    assert_eq!(test.state(), Some("verified"));
}

#[test]
fn a_private_zone_and_a_private_name_do_not_share_a_vpc() {
    let mut test = Test::new();
    test.rename(Some("db.example.com"), false).expect("a name");
    test.names(true, true);
    test.prove();
    test.zone("Z1", "db.example.com", &[]);
    let vpc = ZoneVpc {
        vpc: test.sample.peering_vpc.vpc.clone(),
        region: Region::new("us-east-1"),
    };
    let id = "Z1".parse().expect("an id");
    let zone = test.sample.network.hosted_zones.get_mut(&id);
    zone.expect("the zone").reach = ZoneReach::Private {
        vpcs: [vpc].into(),
        authorized: BTreeSet::new(),
    };
    assert_eq!(test.enable(), "InvalidParameter");
    test.sample.network.hosted_zones.remove(&id);
    assert_eq!(test.enable(), "ok");
    let name = "db.example.com".parse().expect("a name");
    let (network, vpc) = (&test.sample.network, &test.sample.peering_vpc.vpc);
    assert!(zone_made(network, vpc, &name).is_some());
    assert_eq!(zone_made(network, &test.sample.app.vpc, &name), None);
}

#[test]
fn an_endpoint_has_private_dns_where_all_is_right_for_it() {
    let mut test = Test::new();
    assert_eq!(test.enable(), "InvalidParameter", "no name");
    test.rename(Some("db.example.com"), false).expect("a name");
    assert_eq!(test.enable(), "InvalidParameter", "not verified");
    test.prove();
    test.names(true, false);
    assert_eq!(test.enable(), "InvalidParameter", "no DNS hostnames");
    test.names(false, true);
    assert_eq!(test.enable(), "InvalidParameter", "no DNS support");
    test.names(true, true);
    test.endpoint().state = EndpointState::PendingAcceptance;
    assert_eq!(test.enable(), "InvalidParameter", "not accepted");
    test.endpoint().state = EndpointState::Available;
    assert_eq!(test.enable(), "ok");
    assert_eq!(test.enable(), "ok", "it has it already");

    let second = test.endpoint_request();
    let asked = CreateVpcEndpointRequest {
        private_dns_enabled: Some(true),
        ..second.clone()
    };
    let error = test.create_endpoint(&asked).expect_err("two of a name");
    assert_eq!(error.code, "InvalidParameter");
    assert!(
        error
            .message
            .contains("conflicting DNS domain for db.example.com")
    );
    let made = test.create_endpoint(&second).expect("without it");
    assert!(!made.private_dns_enabled);
}

#[test]
fn a_name_and_all_below_it_are_one_zone() {
    let mut test = Test::new();
    test.rename(Some("db.example.com"), false).expect("a name");
    test.names(true, true);
    test.prove();
    assert_eq!(test.enable(), "ok");
    let mut service = test.service().clone();
    service.id = EndpointServiceId::from_random(77);
    service.private_dns.as_mut().expect("a name").name = "*.db.example.com".to_owned();
    let (network, vpc) = (&test.sample.network, &test.sample.peering_vpc.vpc);
    let own = (None, EndpointState::Available);
    let error = crate::rules::endpoint::private_dns::check(network, &service, vpc, own)
        .expect_err("the zone is there");
    assert!(error.message.contains("conflicting"), "{}", error.message);
}

#[test]
fn a_rejected_endpoint_has_no_private_dns() {
    let mut test = Test::new();
    test.rename(Some("db.example.com"), false).expect("a name");
    test.names(true, true);
    test.prove();
    assert_eq!(test.enable(), "ok");
    let service = test.sample.service.to_string();
    let ids = vec![test.sample.endpoint.to_string()];
    let request = RejectVpcEndpointConnectionsRequest {
        service_id: service.clone(),
        vpc_endpoint_ids: ids.clone(),
        ..Default::default()
    };
    test.call(|network, caller, _| reject(network, caller, &request))
        .expect("rejected");
    assert!(!test.endpoint().private_dns);
    let name = "db.example.com".parse().expect("a name");
    let vpc = test.sample.peering_vpc.vpc.clone();
    assert_eq!(zone_made(&test.sample.network, &vpc, &name), None);
    let asked = CreateVpcEndpointRequest {
        private_dns_enabled: Some(true),
        ..test.endpoint_request()
    };
    let made = test.create_endpoint(&asked).expect("it blocks no other");
    assert!(made.private_dns_enabled);
    let request = AcceptVpcEndpointConnectionsRequest {
        service_id: service,
        vpc_endpoint_ids: ids,
        ..Default::default()
    };
    test.call(|network, caller, _| accept(network, caller, &request))
        .expect("accepted");
    assert!(!test.endpoint().private_dns, "its owner turns it on again");
}

#[test]
fn a_name_that_endpoints_resolve_is_not_changed() {
    let mut test = Test::new();
    test.rename(Some("db.example.com"), false).expect("a name");
    test.names(true, true);
    test.prove();
    assert_eq!(test.enable(), "ok");
    assert_eq!(
        code(test.rename(Some("other.example.com"), false)),
        "ExistingVpcEndpointConnections"
    );
    test.rename(Some("db.example.com"), false)
        .expect("the same");
    test.endpoint().private_dns = false;
    test.rename(Some("other.example.com"), false)
        .expect("nobody resolves it");
}

#[test]
fn an_endpoint_has_private_dns_unless_it_is_said_or_cannot_be() {
    let mut test = Test::new();
    let request = test.endpoint_request();
    let enabled = |test: &mut Test, asked: Option<bool>| {
        let request = CreateVpcEndpointRequest {
            private_dns_enabled: asked,
            ..request.clone()
        };
        test.create_endpoint(&request).expect("an endpoint")
    };
    assert!(!enabled(&mut test, None).private_dns_enabled, "no name");
    test.rename(Some("db.example.com"), false).expect("a name");
    test.names(true, true);
    test.prove();
    assert!(!enabled(&mut test, Some(false)).private_dns_enabled);
    let made = enabled(&mut test, None);
    assert!(made.private_dns_enabled);
    let names: Vec<&str> = made
        .dns_entries
        .items
        .iter()
        .map(|entry| entry.dns_name.as_str())
        .collect();
    assert_eq!(names.last(), Some(&"db.example.com"));
}

#[test]
fn what_resolves_goes_on_to_when_the_proof_is_gone() {
    let mut test = Test::new();
    test.rename(Some("db.example.com"), false).expect("a name");
    test.names(true, true);
    test.prove();
    assert_eq!(test.enable(), "ok");
    test.start().expect("it is looked for");
    assert_eq!(test.state(), Some("pendingVerification"));
    let service = test.sample.network.endpoint_services.values().next();
    let name = service.and_then(EndpointService::private_name);
    assert_eq!(name, Some("db.example.com"));
    let again = CreateVpcEndpointRequest {
        private_dns_enabled: Some(true),
        ..test.endpoint_request()
    };
    assert_eq!(code(test.create_endpoint(&again)), "InvalidParameter");
}

impl Test {
    fn named(&mut self, name: Option<&str>) -> Result<ServiceConfigurationItem, AwsError> {
        let request = CreateVpcEndpointServiceConfigurationRequest {
            network_load_balancer_arns: vec![self.balancer.clone()],
            private_dns_name: name.map(str::to_owned),
            ..Default::default()
        };
        let made = self
            .call(|network, caller, context| create_service(network, caller, &request, context))?;
        let id = made.service_configuration.service_id.clone();
        self.delete_services(&[id])?;
        Ok(made.service_configuration)
    }

    fn rename(&mut self, name: Option<&str>, remove: bool) -> Result<(), AwsError> {
        let request = ModifyVpcEndpointServiceConfigurationRequest {
            service_id: self.sample.service.to_string(),
            private_dns_name: name.map(str::to_owned),
            remove_private_dns_name: remove,
            ..Default::default()
        };
        self.call(|network, caller, context| modify_service(network, caller, &request, context))
            .map(drop)
    }

    fn start(&mut self) -> Result<(), AwsError> {
        let request = StartVpcEndpointServicePrivateDnsVerificationRequest {
            service_id: self.sample.service.to_string(),
            ..Default::default()
        };
        self.call(|network, caller, context| verify(network, caller, &request, context))
            .map(drop)
    }

    fn pass(&mut self, hours: i64) {
        let now = Timestamp::UNIX_EPOCH + SignedDuration::from_hours(hours);
        pass(&mut self.sample.network, now);
    }

    fn service(&mut self) -> &mut EndpointService {
        let id = &self.sample.service;
        let service = self.sample.network.endpoint_services.get_mut(id);
        service.expect("the service")
    }

    fn private(&mut self) -> Option<PrivateDns> {
        self.service().private_dns.clone()
    }

    fn state(&mut self) -> Option<&'static str> {
        let request = DescribeVpcEndpointServicesRequest::default();
        let shown = self.call(|network, caller, _| describe_services(network, caller, &request));
        let shown = shown.expect("services").service_details.items;
        let wanted = self.sample.service.to_string();
        let ours = shown.into_iter().find(|row| row.service_id == wanted);
        ours?.private_dns_name_verification_state
    }

    /// As if its record had been found.
    fn prove(&mut self) {
        let private = self.service().private_dns.as_mut().expect("a name");
        private.state = DnsNameState::Verified;
        private.proved = true;
    }

    /// A public zone of the story's.
    fn zone(&mut self, id: &str, name: &str, servers: &[&str]) {
        let zone = HostedZone {
            id: id.parse().expect("an id"),
            owner: self.caller.account.clone(),
            name: name.parse().expect("a name"),
            caller_reference: id.to_owned(),
            comment: None,
            reach: ZoneReach::Public,
            name_servers: servers
                .iter()
                .map(|name| name.parse().expect("a name"))
                .collect(),
            created_at: Timestamp::UNIX_EPOCH,
            tags: Tags::new(),
        };
        self.sample
            .network
            .hosted_zones
            .insert(zone.id.clone(), zone);
    }

    fn record(&mut self, zone: &str, name: &str, kind: RecordKind, value: &str) {
        let name: DomainName = name.parse().expect("a name");
        let key = RecordKey::new(&zone.parse().expect("an id"), &name, kind);
        let set = RecordSet {
            name,
            kind,
            content: RecordContent::Values {
                ttl: 60,
                values: vec![value.to_owned()],
            },
        };
        self.sample.network.records.insert(key, set);
    }

    fn endpoint(&mut self) -> &mut Endpoint {
        let id = &self.sample.endpoint;
        let endpoint = self.sample.network.endpoints.get_mut(id);
        endpoint.expect("the endpoint")
    }

    fn names(&mut self, support: bool, hostnames: bool) {
        let vpc = self
            .sample
            .network
            .vpcs
            .get_mut(&self.sample.peering_vpc.vpc);
        let vpc = vpc.expect("the VPC");
        (vpc.dns_support, vpc.dns_hostnames) = (support, hostnames);
    }

    /// Turns private DNS of the story's endpoint on: `ok`, or the code.
    fn enable(&mut self) -> String {
        let request = ModifyVpcEndpointRequest {
            vpc_endpoint_id: self.sample.endpoint.to_string(),
            private_dns_enabled: Some(true),
            ..Default::default()
        };
        let answer =
            self.call(|network, caller, context| modify(network, caller, &request, context));
        answer.map_or_else(|error| error.code, |_| "ok".to_owned())
    }
}
