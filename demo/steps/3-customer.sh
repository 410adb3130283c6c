# shellcheck shell=bash
section 3 "A customer's own network, through the EC2 API (account $CUSTOMER)"

build_customer() {
    network customer "$PROVIDER_REGION" 10.20.0.0/16 app
    EXISTING=$(group app existing)
    instance app "$EXISTING"
}

has_address() {
    timeout 40 "$STRAIT_BIN" exec "$1" -- ip -4 -o address show | grep -F " ${ADDRESS[$1]}/"
}

BEGUN=$EPOCHREALTIME
build_customer
passed 3.1 "aws ec2: VPC, subnet, group, run-instances" "$BEGUN" "${VPC[app]}, ${INSTANCE[app]}"
prove 3.2 "strait exec app -- ip address" "the instance has the address that EC2 says" has_address app
prove 3.3 "its group has no inbound rule, and no outbound" "as DescribeSecurityGroups shows" \
    eval '[ "$(ask customer "$PROVIDER_REGION" "SecurityGroups[0].[length(IpPermissions),length(IpPermissionsEgress)]" describe-security-groups --group-ids "$EXISTING")" = "0	0" ]'
