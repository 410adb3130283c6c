#!/usr/bin/env bash
# Strait's AWS endpoint beside moto's server, in one run: the same client, the same calls, signed beforehand. Then how long a
# change takes until the kernel obeys it, in a VPC with 10 live interfaces. Prints tables; it is no test.
#
# moto is in STRAIT_MOTO, a virtual environment that is made if missing. CONNECTIONS (8) at once, SECONDS_EACH (4) for a read.
STRAIT_DATA_DIR=$(mktemp -d "${TMPDIR:-/tmp}/strait-bench.XXXXXX")/data
. "$(dirname "${BASH_SOURCE[0]}")/../demo/lib.sh"

: "${STRAIT_MOTO:=${XDG_CACHE_HOME:-$HOME/.cache}/strait-moto}"
: "${STRAIT_LOAD:=$(dirname "$STRAIT_BIN")/examples/load}"
CONNECTIONS=${CONNECTIONS:-8}
SECONDS_EACH=${SECONDS_EACH:-4}
VPCS=200
ROUNDS=5
PAIRS=100 # a round's peering requests: an account may have 125 that wait
CHANGES=100
MOTO_PROCESS=
declare -A RATE IDS

main() {
    trap 'end_moto; wipe_data_dir || true; rmdir "$(dirname "$STRAIT_DATA_DIR")"; end_children' EXIT
    tools
    quietly start_strait
    start_moto
    local server
    for server in moto strait; do
        use "$server"
        calls "$server"
    done
    table
    use strait
    changes
}

tools() {
    if [ ! -x "$STRAIT_LOAD" ]; then
        (cd "$HERE" && timeout 1800 cargo build --release --locked -q -p strait-wire --example load)
        STRAIT_LOAD=$CARGO_TARGET_DIR/release/examples/load
    fi
    if [ ! -x "$STRAIT_MOTO/bin/moto_server" ]; then
        python3 -m venv "$STRAIT_MOTO" && "$STRAIT_MOTO/bin/pip" install --quiet 'moto[server]'
    fi
}

start_moto() {
    local port
    port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    "$STRAIT_MOTO/bin/moto_server" -p "$port" >"$WORK/moto.log" 2>&1 &
    MOTO_PROCESS=$!
    MOTO_URL=http://127.0.0.1:$port
    wait_for 30 curl -sf -o "$WORK/out" "$MOTO_URL/moto-api/"
}

end_moto() {
    if [ -n "$MOTO_PROCESS" ]; then
        kill "$MOTO_PROCESS" 2>/dev/null || true
        wait "$MOTO_PROCESS" 2>/dev/null || true
    fi
}

# use SERVER: the next calls go there.
use() {
    export AWS_REGION=us-east-1
    if [ "$1" = moto ]; then
        export AWS_ENDPOINT_URL=$MOTO_URL AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test
    else
        strait env --account bench >"$WORK/bench.env"
        set -a
        . "$WORK/bench.env"
        set +a
        AWS_REGION=us-east-1
    fi
}

# calls SERVER: measures each call and keeps its rate in RATE[SERVER CALL].
calls() {
    local server=$1 round vpc group port accounts=123456789012
    [ "$server" = moto ] || accounts=$STRAIT_ACCOUNT_ID
    for ((vpc = 0; vpc < VPCS; vpc++)); do
        echo "Action=CreateVpc&CidrBlock=10.$vpc.0.0/16"
    done | sent vpcs
    found vpcs vpc
    group_ids
    for ((round = 0; round < ROUNDS; round++)); do
        pairs "$round" "$accounts" | measured "$server" CreateVpcPeeringConnection --answers "$WORK/peerings.answers"
        found peerings pcx
        for vpc in ${IDS[pcx]}; do
            echo "Action=AcceptVpcPeeringConnection&VpcPeeringConnectionId=$vpc"
        done | measured "$server" AcceptVpcPeeringConnection
    done
    for port in 1 2 3 4 5; do
        for group in ${IDS[sg]}; do
            echo "Action=AuthorizeSecurityGroupIngress&GroupId=$group&IpPermissions.1.IpProtocol=tcp&IpPermissions.1.FromPort=$port&IpPermissions.1.ToPort=$port&IpPermissions.1.IpRanges.1.CidrIp=10.0.0.0/8"
        done
    done | measured "$server" AuthorizeSecurityGroupIngress
    for vpc in ${IDS[vpc]}; do
        echo "Action=DescribeVpcs&VpcId.1=$vpc"
    done | measured "$server" "DescribeVpcs, 1 of $VPCS" --seconds "$SECONDS_EACH"
    echo "Action=DescribeVpcs" | measured "$server" "DescribeVpcs, all of $VPCS" --seconds "$SECONDS_EACH"
    echo "Action=DescribeVpcPeeringConnections" | measured "$server" DescribeVpcPeeringConnections --seconds "$SECONDS_EACH"
    echo "Action=DescribeSecurityGroups" | measured "$server" DescribeSecurityGroups --seconds "$SECONDS_EACH"
    AWS_REGION=us-west-2
    forms "Action=CreateVpc&CidrBlock=10.0.0.0/16" 700 | measured "$server" CreateVpc
}

# pairs ROUND ACCOUNT: requests between VPCs that have none yet.
pairs() {
    local vpcs pair
    read -ra vpcs <<<"${IDS[vpc]}"
    for ((pair = 0; pair < PAIRS; pair++)); do
        echo "Action=CreateVpcPeeringConnection&VpcId=${vpcs[pair]}&PeerVpcId=${vpcs[PAIRS + (pair + $1) % PAIRS]}&PeerOwnerId=$2"
    done
}

# The default groups of the VPCs.
group_ids() {
    echo "Action=DescribeSecurityGroups" | sent groups
    found groups sg
}

# Changes one at a time, each answered when the kernel obeys.
changes() {
    local vpc subnet group table far pcx turn
    vpc=$(answer CreateVpc vpcId CidrBlock=10.1.0.0/16)
    far=$(answer CreateVpc vpcId CidrBlock=10.2.0.0/16)
    subnet=$(answer CreateSubnet subnetId VpcId="$vpc" CidrBlock=10.1.0.0/24)
    group=$(answer CreateSecurityGroup groupId VpcId="$vpc" GroupName=bench GroupDescription=bench)
    table=$(answer DescribeRouteTables routeTableId Filter.1.Name=vpc-id Filter.1.Value.1="$vpc")
    answer RunInstances instanceId ImageId=ami-0123456789abcdef0 MinCount=10 MaxCount=10 SubnetId="$subnet" SecurityGroupId.1="$group" >"$WORK/out"
    pcx=$(answer CreateVpcPeeringConnection vpcPeeringConnectionId VpcId="$vpc" PeerVpcId="$far")
    answer AcceptVpcPeeringConnection vpcPeeringConnectionId VpcPeeringConnectionId="$pcx" >"$WORK/out"
    printf '\n%-52s %10s %10s %10s\n' "a change, 10 live interfaces, until the kernel obeys" "median ms" "p99 ms" "wanted"
    for ((turn = 0; turn < CHANGES; turn++)); do
        for action in Authorize Revoke; do
            echo "Action=${action}SecurityGroupIngress&GroupId=$group&IpPermissions.1.IpProtocol=tcp&IpPermissions.1.FromPort=$((turn + 1))&IpPermissions.1.ToPort=$((turn + 1))&IpPermissions.1.IpRanges.1.CidrIp=10.0.0.0/8"
        done
    done >"$WORK/rules"
    for ((turn = 0; turn < CHANGES; turn++)); do
        echo "Action=CreateRoute&RouteTableId=$table&DestinationCidrBlock=10.3.$turn.0/24&VpcPeeringConnectionId=$pcx"
        echo "Action=DeleteRoute&RouteTableId=$table&DestinationCidrBlock=10.3.$turn.0/24"
    done >"$WORK/routes"
    change_row "authorize and revoke a group's rule" rules
    change_row "create and delete a route" routes
}

change_row() {
    load "$1" <"$WORK/$2"
    printf '%-52s %10s %10s %10s\n' "$1" "$(jq .p50_ms "$WORK/load.json")" "$(jq .p99_ms "$WORK/load.json")" 20
}

# forms FORM TIMES
forms() {
    local turn
    for ((turn = 0; turn < $2; turn++)); do
        echo "$1"
    done
}

# load CALL OPTIONS…: sends the forms of standard input; all must be accepted.
load() {
    timeout 600 "$STRAIT_LOAD" "${@:2}" >"$WORK/load.json"
    [ "$(jq .refused "$WORK/load.json")" = 0 ] || {
        echo "refused calls of: $1" >&2
        return 1
    }
}

# sent NAME: sends the forms of standard input, one by one, and keeps the answers as NAME.
sent() {
    load "$1" --answers "$WORK/$1.answers"
}

# measured SERVER CALL OPTIONS…: by many connections; several measurements of one call count together.
measured() {
    local key="$1 $2" calls seconds
    load "$2" --connections "$CONNECTIONS" "${@:3}"
    read -r calls seconds < <(jq -r '"\(.calls) \(.seconds)"' "$WORK/load.json")
    echo "$calls $seconds" >>"$WORK/rate $key"
}

# found NAME PREFIX: the ids in the answers kept as NAME go to IDS[PREFIX].
found() {
    IDS[$2]=$(grep -oE "<(vpcId|groupId|vpcPeeringConnectionId)>$2-[0-9a-f]+" "$WORK/$1.answers" | grep -oE "$2-[0-9a-f]+" | sort -u | tr '\n' ' ')
}

# answer ACTION FIELD PARAMETERS…: one call; prints the field's first value.
answer() {
    local action=$1 field=$2 form
    shift 2
    form="Action=$action$(printf '&%s' "$@")"
    echo "$form" | sent answer
    grep -oE "<$field>[^<]+" "$WORK/answer.answers" | head -n 1 | cut -d '>' -f 2
}

table() {
    printf '\n%-32s %12s %12s %8s %8s\n' "calls a second, $CONNECTIONS connections" "moto" "Strait" "ratio" "wanted"
    row "DescribeVpcs, 1 of $VPCS" 20
    row "DescribeVpcs, all of $VPCS" 20
    row DescribeVpcPeeringConnections 20
    row DescribeSecurityGroups 20
    row CreateVpc 5
    row CreateVpcPeeringConnection 5
    row AcceptVpcPeeringConnection 5
    row AuthorizeSecurityGroupIngress 5
}

row() {
    local moto strait
    moto=$(rate "moto $1")
    strait=$(rate "strait $1")
    printf '%-32s %12s %12s %8s %8s\n' "$1" "$moto" "$strait" "$(awk -v a="$strait" -v b="$moto" 'BEGIN { printf "%.1f", a / b }')" "$2"
}

rate() {
    awk '{ calls += $1; seconds += $2 } END { printf "%.1f", calls / seconds }' "$WORK/rate $1"
}

main
