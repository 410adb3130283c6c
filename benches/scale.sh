#!/usr/bin/env bash
# A large network, built through the API: VPCS (1000) VPCs with INTERFACES (5) interfaces and 10 rules each. Then, while
# TALKING (600) of the VPCs' interfaces talk (one packet a second each): how long reads, changes of rules and a restart of the
# server take, and whether a packet is lost. Prints a table; it is no test.
STRAIT_DATA_DIR=$(mktemp -d "${TMPDIR:-/tmp}/strait-bench.XXXXXX")/data
. "$(dirname "${BASH_SOURCE[0]}")/../demo/lib.sh"

: "${STRAIT_LOAD:=$(dirname "$STRAIT_BIN")/examples/load}"
VPCS=${VPCS:-1000}
INTERFACES=${INTERFACES:-5}
TALKING=${TALKING:-600}
FEW=${FEW:-100} # what a read is compared with, and built first
CONNECTIONS=16
CHANGES=50
TALKER=

main() {
    trap 'end_talker; wipe_data_dir || true; rmdir "$(dirname "$STRAIT_DATA_DIR")"; end_children' EXIT
    if [ ! -x "$STRAIT_LOAD" ]; then
        (cd "$HERE" && timeout 1800 cargo build --release --locked -q -p strait-wire --example load)
        STRAIT_LOAD=$CARGO_TARGET_DIR/release/examples/load
    fi
    ulimit -n "$(ulimit -H -n)"
    quietly start_strait
    use bench us-east-1
    drop_default
    local begun few_seconds few_read many_read
    begun=$EPOCHREALTIME
    build 0 "$FEW"
    few_seconds=$(seconds_since "$begun")
    few_read=$(read_time)
    begun=$EPOCHREALTIME
    build "$FEW" "$VPCS"
    printf '\n%-64s %10s %8s\n' "$VPCS VPCs, $((VPCS * INTERFACES)) interfaces, $((VPCS * 10)) rules, $(nproc) cores" "measured" "wanted"
    row "the first $FEW VPCs, s" "$few_seconds" -
    row "the other VPCs, s" "$(seconds_since "$begun")" "180 in all"
    start_talker
    many_read=$(read_time)
    row "a read of one VPC at $FEW VPCs, median ms" "$few_read" -
    row "the same at $VPCS, with $((TALKING * INTERFACES)) interfaces talking" "$many_read" "$few_read"
    change_rules
    row "a rule's change, median ms" "$(jq .p50_ms "$WORK/load.json")" 50
    row "a rule's change, 99 of 100, ms" "$(jq .p99_ms "$WORK/load.json")" -
    restart
    change_rules
    row "a rule's change after that, median ms" "$(jq .p50_ms "$WORK/load.json")" 50
    end_talker
    read -r _ sent _ came _ refused <<<"$(tail -n 1 "$WORK/talk")"
    row "packets sent (refused by the sender's own kernel: $refused)" "$sent" -
    row "packets that did not come" "$((sent - came))" 0
    row "memory of the server, MB" "$(awk '/VmRSS/ { printf "%.0f", $2 / 1024 }' "/proc/$(server)/status")" -
}

# use ACCOUNT REGION: the next calls go there.
use() {
    strait env --account "$1" >"$WORK/bench.env"
    set -a
    . "$WORK/bench.env"
    AWS_REGION=$2
    set +a
}

# The account's default VPC, which would be one more than a Region may have.
drop_default() {
    local vpc gateway
    echo "Action=DescribeSubnets" | sent subnets
    vpc=$(grep -oE '<vpcId>[^<]+' "$WORK/subnets.answers" | head -n 1 | cut -d '>' -f 2)
    grep -oE '<subnetId>[^<]+' "$WORK/subnets.answers" | sed 's/<subnetId>/Action=DeleteSubnet\&SubnetId=/' | sent gone
    echo "Action=DescribeInternetGateways" | sent gateways
    gateway=$(grep -oE '<internetGatewayId>[^<]+' "$WORK/gateways.answers" | cut -d '>' -f 2)
    echo "Action=DetachInternetGateway&InternetGatewayId=$gateway&VpcId=$vpc" | sent gone
    echo "Action=DeleteInternetGateway&InternetGatewayId=$gateway" | sent gone
    echo "Action=DeleteVpc&VpcId=$vpc" | sent gone
}

# build FROM TO: VPCs with all that they have. Their number is in the second and third octet's place of the range.
build() {
    local number range
    [ "$1" -lt "$2" ] || return 0
    for ((number = $1; number < $2; number++)); do
        echo "Action=CreateVpc&CidrBlock=10.$((number / 16)).$((number % 16 * 16)).0/20"
    done | sent vpcs
    paste <(grep -oE '<vpcId>vpc-[0-9a-f]+' "$WORK/vpcs.answers" | cut -d '>' -f 2) \
        <(grep -oE '<cidrBlock>10[^<]+' "$WORK/vpcs.answers" | cut -d '>' -f 2 | awk 'NR % 2') >"$WORK/made"
    while read -r vpc range; do
        echo "Action=CreateSubnet&VpcId=$vpc&CidrBlock=${range%/*}/24"
    done <"$WORK/made" | sent subnets
    echo "Action=DescribeSecurityGroups" | sent groups
    tr '<' '\n' <"$WORK/groups.answers" | awk -F '>' '/^groupId>/ { group = $2 } /^vpcId>/ { print $2, group }' | sort -u >"$WORK/group_of"
    cut -f 1 "$WORK/made" | sort | join - "$WORK/group_of" | while read -r _ group; do
        printf 'Action=AuthorizeSecurityGroupIngress&GroupId=%s' "$group"
        for ((number = 1; number <= 10; number++)); do
            printf '&IpPermissions.%s.IpProtocol=tcp&IpPermissions.%s.FromPort=%s&IpPermissions.%s.ToPort=%s&IpPermissions.%s.IpRanges.1.CidrIp=10.0.0.0/8' \
                $number $number $((1000 + number)) $number $((1000 + number)) $number
        done
        echo
    done | sent rules
    grep -oE '<subnetId>subnet-[0-9a-f]+' "$WORK/subnets.answers" | cut -d '>' -f 2 | while read -r subnet; do
        echo "Action=RunInstances&ImageId=ami-0123456789abcdef0&MinCount=$INTERFACES&MaxCount=$INTERFACES&SubnetId=$subnet"
    done | sent instances
    cat "$WORK/instances.answers" >>"$WORK/all_instances"
    GROUP_OF_FIRST=${GROUP_OF_FIRST:-$(join <(head -n 1 "$WORK/made" | cut -f 1) "$WORK/group_of" | cut -d ' ' -f 2)}
    FIRST=${FIRST:-$(head -n 1 "$WORK/made" | cut -f 1)}
}

sent() {
    timeout 900 "$STRAIT_LOAD" --connections "$CONNECTIONS" --answers "$WORK/$1.answers" >"$WORK/load.json"
    [ "$(jq .refused "$WORK/load.json")" = 0 ] || {
        echo "refused calls of: $1" >&2
        return 1
    }
}

read_time() {
    echo "Action=DescribeVpcs&VpcId.1=$FIRST" | timeout 60 "$STRAIT_LOAD" --seconds 3 >"$WORK/load.json"
    jq .p50_ms "$WORK/load.json"
}

change_rules() {
    local turn action
    for ((turn = 0; turn < CHANGES; turn++)); do
        for action in Authorize Revoke; do
            echo "Action=${action}SecurityGroupIngress&GroupId=$GROUP_OF_FIRST&IpPermissions.1.IpProtocol=tcp&IpPermissions.1.FromPort=$((turn + 1))&IpPermissions.1.ToPort=$((turn + 1))&IpPermissions.1.IpRanges.1.CidrIp=10.0.0.0/8"
        done
    done | timeout 120 "$STRAIT_LOAD" >"$WORK/load.json"
}

server() {
    get .server.pid strait status --output json
}

restart() {
    local begun=$EPOCHREALTIME old
    old=$(server)
    kill -9 "$old"
    wait_for 10 eval "! kill -0 $old 2>/dev/null"
    STRAIT_AWS_WANTED=${AWS_ENDPOINT_URL#http://} quietly start_strait
    row "kill -9 of the server, until a new one has adopted it, s" "$(seconds_since "$begun")" 15
}

# Instances of the first VPCs talk. The talker is in the anchor's user and mount namespaces, where all others are.
start_talker() {
    local anchor
    anchor=$(jq .pid "$STRAIT_DATA_DIR/run/anchor.json")
    tr '<' '\n' <"$WORK/all_instances" | awk -F '>' -v folder="$STRAIT_DATA_DIR/run/ns/hosts" -v most=$((TALKING * INTERFACES)) '
        /^instanceId>/ { instance = $2; vpc = ""; address = "" }
        /^vpcId>/ && vpc == "" { vpc = $2 }
        /^privateIpAddress>/ && address == "" { address = $2 }
        instance != "" && vpc != "" && address != "" && count < most { print folder "/" instance "/net", address, vpc; instance = ""; count++ }' >"$WORK/talkers"
    [ "$(wc -l <"$WORK/talkers")" = $((TALKING * INTERFACES)) ]
    nsenter --target "$anchor" --user --mount --preserve-credentials python3 "$HERE/benches/talk.py" "$WORK/talkers" >"$WORK/talk" &
    TALKER=$!
    wait_for 120 grep -q ready "$WORK/talk"
    sleep 5
}

end_talker() {
    if [ -n "$TALKER" ]; then
        kill "$TALKER" 2>/dev/null || true
        wait "$TALKER" 2>/dev/null || true
        TALKER=
    fi
}

row() {
    printf '%-64s %10s %8s\n' "$1" "$2" "$3"
}

main
