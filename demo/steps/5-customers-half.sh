# shellcheck shell=bash
section 5 "The customer's half: accept, route, group; each missing piece blocks the packets"

billing_from() {
    sql_is 1 billing "$1" "select 1"
}

# A command of `strait peering steps`, run as it was printed: only the two placeholders are filled in.
as_printed() {
    local command
    command=$(jq -er --arg id "$1" '.steps[] | select(.id == $id) | .command' "$WORK/guide.json") || return 1
    command=${command//ROUTE_TABLE_ID/${TABLE[app]}}
    command=${command//SECURITY_GROUP_ID/${2:-}}
    as customer bash -euo pipefail -c "$command"
}

customer_sees_request() {
    ec2 customer "$PROVIDER_REGION" describe-vpc-peering-connections --vpc-peering-connection-ids "${PCX[peering-app]}" >"$WORK/seen.json" || return 1
    jq -e ".VpcPeeringConnections[0] | .Status.Code == \"pending-acceptance\" and .RequesterVpcInfo.OwnerId == \"$PROVIDER\" and .RequesterVpcInfo.CidrBlock == \"$FIRST\"" "$WORK/seen.json"
}

prove 5.1 "aws ec2 describe-vpc-peering-connections" "the customer sees the request and who sent it" customer_sees_request
prove 5.2 "the name of billing in the app" "it is the endpoint's private address" resolves_to app "${NAME[billing]}" "$(private billing)"

quietly as_printed allow "$EXISTING"
quietly route app "$FIRST" "${PCX[peering-app]}"
refuse 5.3 "psql, route and group there, not accepted" "nothing gets through a pending peering" "$DROPPED" billing_from app
prove 5.4 "the printed accept command" "the peering is active" as_printed accept
prove 5.5 "psql from the app" "verify-full over peering and endpoint" billing_from app

quietly unroute app "$FIRST"
refuse 5.6 "the route taken away" "nothing gets through" "$DROPPED" billing_from app
refuse 5.7 "strait reach app billing" "says that the route is missing, and the command" 'create-route' strait reach app billing
prove 5.8 "the printed route command" "it works again" eval 'as_printed route && billing_from app'

quietly forbid_out app "$EXISTING" "$FIRST" 5432
refuse 5.9 "the group's outbound rule taken away" "nothing gets through" "timeout expired|timed out" billing_from app
prove 5.10 "a rule added to a group that exists" "it works again" eval 'as_printed allow "$EXISTING" && billing_from app'

OWN=$(as_printed create-security-group | jq -er .GroupId)
quietly as_printed narrow "$OWN"
quietly use_group app "$OWN"
refuse 5.11 "the printed group of its own, no rule yet" "nothing gets through" "timeout expired|timed out" billing_from app
prove 5.12 "the printed rule in it" "it works again" eval 'as_printed allow "$OWN" && billing_from app'

DEFAULT=$(ask customer "$PROVIDER_REGION" 'SecurityGroups[0].GroupId' describe-security-groups --filters "Name=vpc-id,Values=${VPC[app]}" "Name=group-name,Values=default")
quietly ec2 customer "$PROVIDER_REGION" revoke-security-group-egress --group-id "$DEFAULT" --ip-permissions 'IpProtocol=-1,IpRanges=[{CidrIp=0.0.0.0/0}]'
quietly use_group app "$DEFAULT"
refuse 5.13 "the VPC's default group, emptied of its rule" "nothing gets through" "timeout expired|timed out" billing_from app
prove 5.14 "the VPC's default group, with the rule" "it works again" eval 'allow_out app "$DEFAULT" "$FIRST" 5432 && billing_from app'
quietly use_group app "$OWN"
prove 5.15 "strait peering get" "ACTIVE, nobody's turn" eval 'peering peering-app ".status == \"ACTIVE\" and .waiting_on == \"nobody\""'
