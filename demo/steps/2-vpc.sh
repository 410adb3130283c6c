# shellcheck shell=bash
section 2 "The provider's Peering VPC"

# The page's own example has host bits, and AWS takes them off.
vpc_is_canonical() {
    new_vpc peering 10.80.0.7/17 && jq -e ".cidr == \"$FIRST\"" "$WORK/vpc-peering.json"
}

# One step over plain REST, as a program would do it.
rest_shows_vpc() {
    (
        . "$WORK/provider.env"
        curl --silent --show-error --fail --max-time 10 --user "$STRAIT_PUBLIC_KEY:$STRAIT_SECRET_KEY" \
            "$STRAIT_URL/public/api/v1/projects/$STRAIT_PROJECT_ID/vpcs" | jq -e "map(select(.name == \"peering\" and .cidr == \"$FIRST\")) | length == 1"
    )
}

prove 2.1 "strait vpc create --cidr 10.80.0.7/17" "it is $FIRST: host bits are taken off" vpc_is_canonical
prove 2.2 "curl GET /public/api/v1/projects/P/vpcs" "REST shows the same" rest_shows_vpc
prove 2.3 "a second and a third VPC" "a project may have three" eval 'new_vpc second "$SECOND" && new_vpc third "$THIRD"'
refuse 2.4 "a fourth VPC" "refused, and told how the quota is raised" 'strait admin quota' new_vpc fourth 10.83.0.0/20
prove 2.5 "strait admin quota --project P vpcs 4" "now there is room for it" \
    eval 'strait admin quota --project "$PROJECT" vpcs 4 && new_vpc fourth 10.83.0.0/20 && strait vpc delete fourth --wait'
prove 2.6 "a service in it: billing" "attached before any customer is there" \
    eval 'new_service billing && strait service attach billing peering --wait'
