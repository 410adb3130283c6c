#!/usr/bin/env bash
# What the private path costs: pgbench -S from an instance through peering and endpoint, beside a routed path without NAT
# between the same two namespaces. For the second, the customer's VPC is peered with the Service VPC itself, which the
# provider's account may do by the EC2 API and Strait never does.
STRAIT_DATA_DIR=$(mktemp -d "${TMPDIR:-/tmp}/strait-bench.XXXXXX")/data
. "$(dirname "${BASH_SOURCE[0]}")/../demo/lib.sh"

ROUNDS=${ROUNDS:-5}
SECONDS_EACH=${SECONDS_EACH:-6}
PGBENCH=$(ls /usr/lib/postgresql/*/bin/pgbench 2>/dev/null | sort -V | tail -n 1)
: "${PGBENCH:=pgbench}"
CUSTOMER_RANGE=10.20.0.0/16
PEERING_RANGE=10.80.0.0/17

main() {
    trap 'wipe_data_dir || true; rmdir "$(dirname "$STRAIT_DATA_DIR")"; end_children' EXIT
    build
    build_routed_path
    local round private="" routed=""
    run "$(private orders)" >"$WORK/warm" && run "$SERVICE_ADDRESS" >"$WORK/warm"
    for ((round = 0; round < ROUNDS; round++)); do
        private+="$(run "$(private orders)") "
        routed+="$(run "$SERVICE_ADDRESS") "
    done
    printf '\npgbench -S, 4 clients, %s s each, %s rounds in turn, TLS, %s cores\n' "$SECONDS_EACH" "$ROUNDS" "$(nproc)"
    printf '%-44s %s\n' "private path (peering, endpoint, balancer), tps" "$private" "routed path, no NAT, tps" "$routed"
    printf '%-44s %s (wanted: 0.95)\n' "ratio of the medians" "$(awk -v a="$(median $private)" -v b="$(median $routed)" 'BEGIN { printf "%.3f", a / b }')"
}

build() {
    quietly start_strait
    know_accounts
    quietly new_vpc peering "$PEERING_RANGE"
    quietly new_service orders
    network customer "$PROVIDER_REGION" "$CUSTOMER_RANGE" app
    instance app "$(group app open)"
    quietly allow_out app "${GROUP[app]}" 0.0.0.0/0
    quietly request peering "$CUSTOMER" app
    quietly accept app "${PCX[peering-app]}"
    quietly route app "$PEERING_RANGE" "${PCX[peering-app]}"
    quietly strait service attach orders peering --wait
    quietly fill
}

build_routed_path() {
    local vpc range subnet table groups pcx facts
    facts=$(ask provider "$PROVIDER_REGION" 'Reservations[0].Instances[0].[VpcId,SubnetId,PrivateIpAddress,SecurityGroups[0].GroupId]' \
        describe-instances --filters "Name=tag:Name,Values=postgres-$(service orders .service_id)" "Name=instance-state-name,Values=running")
    read -r vpc subnet SERVICE_ADDRESS groups <<<"$facts"
    range=$(ask provider "$PROVIDER_REGION" 'Vpcs[0].CidrBlock' describe-vpcs --vpc-ids "$vpc")
    table=$(ask provider "$PROVIDER_REGION" 'RouteTables[0].RouteTableId' describe-route-tables --filters "Name=association.subnet-id,Values=$subnet")
    if [ "$table" = None ]; then
        table=$(ask provider "$PROVIDER_REGION" 'RouteTables[0].RouteTableId' describe-route-tables --filters "Name=vpc-id,Values=$vpc" "Name=association.main,Values=true")
    fi
    pcx=$(ask provider "$PROVIDER_REGION" VpcPeeringConnection.VpcPeeringConnectionId create-vpc-peering-connection --vpc-id "$vpc" --peer-vpc-id "${VPC[app]}" --peer-owner-id "$CUSTOMER")
    quietly accept app "$pcx"
    quietly route app "$range" "$pcx"
    quietly ec2 provider "$PROVIDER_REGION" create-route --route-table-id "$table" --destination-cidr-block "$CUSTOMER_RANGE" --vpc-peering-connection-id "$pcx"
    quietly ec2 provider "$PROVIDER_REGION" authorize-security-group-ingress --group-id "$groups" --ip-permissions "IpProtocol=tcp,FromPort=5432,ToPort=5432,IpRanges=[{CidrIp=$CUSTOMER_RANGE}]"
    quietly sql orders app "select 1" "hostaddr=$SERVICE_ADDRESS"
}

fill() {
    in_app -i -q -s 5
}

# run ADDRESS: transactions a second.
run() {
    PGHOSTADDR=$1 in_app -S -n -c 4 -j 2 -T "$SECONDS_EACH" | awk '/^tps/ { printf "%.0f", $3 }'
}

in_app() {
    PGPASSWORD=${PASSWORD[orders]} PGHOST=${NAME[orders]} PGUSER=tsdbadmin PGDATABASE=tsdb PGSSLMODE=verify-full \
        timeout 120 "$STRAIT_BIN" exec app -- "$PGBENCH" "$@"
}

median() {
    printf '%s\n' "$@" | sort -n | awk '{ value[NR] = $1 } END { print value[int((NR + 1) / 2)] }'
}

main
