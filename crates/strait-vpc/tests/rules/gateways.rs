//! Internet gateways.

use strait_vpc::api::*;

use crate::world::*;

#[test]
fn a_gateway_is_attached_to_one_vpc() {
    let (mut world, me) = (World::new(), customer());
    let (one, two) = (world.vpc(&me, "10.0.0.0/16"), world.vpc(&me, "10.1.0.0/16"));
    let mut make =
        || world.ok::<CreateInternetGatewayResponse>(&me, CreateInternetGatewayRequest::default());
    let (first, second) = (
        make().internet_gateway.internet_gateway_id,
        make().internet_gateway.internet_gateway_id,
    );
    let attach = |gateway: &str, vpc: &str| AttachInternetGatewayRequest {
        internet_gateway_id: gateway.to_owned(),
        vpc_id: vpc.to_owned(),
        ..Default::default()
    };
    let detach = |gateway: &str, vpc: &str| DetachInternetGatewayRequest {
        internet_gateway_id: gateway.to_owned(),
        vpc_id: vpc.to_owned(),
        ..Default::default()
    };
    let delete = |gateway: &str| DeleteInternetGatewayRequest {
        internet_gateway_id: gateway.to_owned(),
        ..Default::default()
    };
    world.ok::<AttachInternetGatewayResponse>(&me, attach(&first, &one));
    assert_eq!(
        world.code(&me, attach(&first, &two)),
        "Resource.AlreadyAssociated"
    );
    assert_eq!(
        world.code(&me, attach(&second, &one)),
        "InvalidParameterValue"
    );
    assert_eq!(world.code(&me, delete(&first)), "DependencyViolation");
    assert_eq!(
        world.code(&me, detach(&second, &one)),
        "Gateway.NotAttached"
    );
    assert_eq!(
        world.code(&me, detach(&first, "vpc-0123abcd")),
        "Gateway.NotAttached"
    );
    let shown = DescribeInternetGatewaysRequest {
        filters: vec![filter("attachment.vpc-id", &one)],
        ..Default::default()
    };
    let shown = world
        .ok::<DescribeInternetGatewaysResponse>(&me, shown)
        .internet_gateways
        .items;
    assert_eq!(
        (shown.len(), shown[0].internet_gateway_id.as_str()),
        (1, first.as_str())
    );
    let delete_vpc = DeleteVpcRequest {
        vpc_id: one.clone(),
        ..Default::default()
    };
    assert_eq!(world.code(&me, delete_vpc), "DependencyViolation");
    world.ok::<DetachInternetGatewayResponse>(&me, detach(&first, &one));
    world.ok::<DeleteInternetGatewayResponse>(&me, delete(&first));
    assert_eq!(
        world.code(&me, delete(&first)),
        "InvalidInternetGatewayID.NotFound"
    );
    assert_eq!(
        world.code(&me, delete("igw-x")),
        "InvalidInternetGatewayId.Malformed"
    );
}
