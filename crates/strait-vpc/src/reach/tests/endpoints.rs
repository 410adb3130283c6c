//! Endpoints, load balancers and the internet.

use super::*;

#[test]
fn endpoints_lead_on_only_when_accepted() {
    for state in [EndpointState::PendingAcceptance, EndpointState::Rejected] {
        let mut sample = story();
        sample
            .network
            .endpoints
            .get_mut(&sample.endpoint)
            .expect("the endpoint")
            .state = state;
        let step = only_stop(&sample, &flow(&sample));
        assert_eq!(step.place, sample.endpoint.as_str());
        assert!(
            step.fix
                .expect("a fix")
                .contains("accept-vpc-endpoint-connections")
        );
    }
}

#[test]
fn endpoints_need_a_balancer_a_listener_and_a_target() {
    let mut sample = story();
    let arn = sample.balancer.clone();
    let group = sample
        .network
        .target_groups
        .values()
        .next()
        .expect("a target group")
        .arn
        .clone();
    sample
        .network
        .target_groups
        .get_mut(&group)
        .expect("the group")
        .targets
        .clear();
    assert_eq!(only_stop(&sample, &flow(&sample)).place, group);
    let listener = sample
        .network
        .listeners
        .keys()
        .next()
        .expect("a listener")
        .clone();
    sample.network.listeners.remove(&listener);
    assert!(
        only_stop(&sample, &flow(&sample))
            .what
            .contains("listens on nothing")
    );
    sample
        .network
        .load_balancers
        .get_mut(&arn)
        .expect("the balancer")
        .nodes
        .clear();
    assert_eq!(
        only_stop(&sample, &flow(&sample)).place,
        sample.service.as_str()
    );
}

#[test]
fn the_target_sees_the_nodes_address() {
    let mut sample = story();
    let group = sample.service_vpc.group.clone();
    sample.revoke_all(&group, Direction::Ingress);
    sample.allow(&group, Direction::Ingress, tcp(5432), cidr("10.0.1.4/32"));
    let step = only_stop(&sample, &flow(&sample));
    assert!(step.what.contains("from 10.0.1.5"), "{}", step.what);
}

#[test]
fn groups_of_a_balancer_filter_endpoints_unless_told_not_to() {
    let mut sample = story();
    let side = sample.service_vpc.clone();
    let mut random = 700;
    let own = super::sample::side(
        &mut sample.network,
        &mut random,
        "999988887777",
        "10.5.0.0/16",
        "10.5.0.0/24",
    )
    .group;
    sample
        .network
        .security_groups
        .get_mut(&own)
        .expect("the group")
        .vpc = side.vpc;
    let arn = sample.balancer.clone();
    sample
        .network
        .load_balancers
        .get_mut(&arn)
        .expect("the balancer")
        .groups
        .insert(own.clone());
    assert_eq!(only_stop(&sample, &flow(&sample)).place, own.as_str());
    let attribute = (lookup::ENFORCE_ON_PRIVATELINK.to_owned(), "off".to_owned());
    sample
        .network
        .load_balancers
        .get_mut(&arn)
        .expect("the balancer")
        .attributes
        .extend([attribute]);
    assert!(reach(&sample.network, &flow(&sample)).reached);
}

#[test]
fn a_balancer_that_forwards_to_itself_is_a_loop() {
    let mut sample = story();
    let group = sample
        .network
        .target_groups
        .values()
        .next()
        .expect("a target group")
        .arn
        .clone();
    let node = Target {
        id: "10.0.1.5".to_owned(),
        port: 5432,
    };
    sample
        .network
        .target_groups
        .get_mut(&group)
        .expect("the group")
        .targets = [node].into();
    assert!(only_stop(&sample, &flow(&sample)).what.contains("loop"));
}
