# shellcheck shell=bash
# What the demo, the tests and the benches share: one line a proof, and refusals that count only for the right reason.
# Sourced. It wants STRAIT_BIN (the program) and STRAIT_DATA_DIR (the data folder).

set -euo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
: "${CARGO_TARGET_DIR:=$HOME/.cache/strait-target}"
: "${STRAIT_BIN:=$CARGO_TARGET_DIR/release/strait}"
: "${STRAIT_CLIENTS:=${XDG_CACHE_HOME:-$HOME/.cache}/strait-clients}"
export STRAIT_DATA_DIR LC_ALL=C.UTF-8
export PATH="$STRAIT_CLIENTS/bin:$PATH:/usr/sbin:/sbin"
# Nothing of the user's own AWS or PostgreSQL settings may show up in the story.
unset AWS_PROFILE AWS_SESSION_TOKEN STRAIT_URL STRAIT_PROJECT_ID STRAIT_PUBLIC_KEY STRAIT_SECRET_KEY PGHOST PGPORT PGUSER PGDATABASE PGSERVICE PGOPTIONS
export AWS_CONFIG_FILE=/dev/null AWS_SHARED_CREDENTIALS_FILE=/dev/null AWS_EC2_METADATA_DISABLED=true AWS_PAGER="" AWS_MAX_ATTEMPTS=1
export PSQLRC=/dev/null
# How long a client waits for a connection, in seconds: on a machine that is busy a whole one by a name and with TLS takes long. Only where
# silence is what is expected (`refuse`) it is shorter.
export PGCONNECT_TIMEOUT=15
SILENCE=3

WORK=$(mktemp -d "${TMPDIR:-/tmp}/strait-run.XXXXXX")
readonly WORK # it is removed at the end: nobody may make it another folder
PROOFS=0
STARTED=$EPOCHREALTIME

# What each way of not getting in looks like. A time-out or an ICMP answer: packets are dropped. A reset: refused.
DROPPED='timeout expired|timed out|No route to host|Network is unreachable|Host is unreachable'
RESET='Connection refused|Connection reset|server closed the connection'
NO_NAME='could not translate host name|Name or service not known|No address associated'

end_children() {
    local child
    for child in $(jobs -p); do
        kill "$child" 2>/dev/null || true
    done
    rm -rf "$WORK"
}
trap end_children EXIT

# ---- proofs ----

# prove NUMBER WHAT PROVED COMMAND…: the command must succeed.
prove() {
    local number=$1 what=$2 proved=$3 begun=$EPOCHREALTIME status=0
    shift 3
    "$@" >"$WORK/out" 2>&1 </dev/null || status=$?
    if [ "$status" -ne 0 ]; then
        broken "$number" "$what" "it should have worked and ended with status $status" "$@"
    fi
    passed "$number" "$what" "$begun" "$proved"
}

# refuse NUMBER WHAT PROVED REASON COMMAND…: the command must fail, soon, with output that matches REASON.
# It proves something only beside a control: the same command that works (`control`, or a `prove` just before or after
# with one thing changed).
refuse() {
    local number=$1 what=$2 proved=$3 reason=$4 begun=$EPOCHREALTIME status=0 patience=$PGCONNECT_TIMEOUT
    shift 4
    [[ "$reason" != *'timeout expired'* ]] || patience=$SILENCE
    PGCONNECT_TIMEOUT=$patience "$@" >"$WORK/out" 2>&1 </dev/null || status=$?
    if [ "$status" -eq 0 ]; then
        broken "$number" "$what" "it worked, and must not" "$@"
    fi
    if ! grep -Eq "$reason" "$WORK/out" || grep -Eq 'command not found|failed to run command|cannot run' "$WORK/out"; then
        broken "$number" "$what" "it failed for another reason (status $status) than: $reason" "$@"
    fi
    if [ "$(milliseconds_since "$begun")" -gt 15000 ]; then
        broken "$number" "$what" "it was refused, but only after 15 s" "$@"
    fi
    passed "$number" "$what" "$begun" "$proved"
}

# control COMMAND…: must work right now, or the refusal beside it proves nothing. Prints nothing.
control() {
    local status=0
    "$@" >"$WORK/out" 2>&1 </dev/null || status=$?
    [ "$status" -eq 0 ] || broken "-" "the control of the refusal beside it" "it should have worked and ended with status $status" "$@"
}

# quietly COMMAND…: part of the way to the next proof; its output shows only when it fails.
quietly() {
    control "$@"
}

section() {
    printf '\n%s %s\n' "$1" "$2"
}

passed() {
    PROOFS=$((PROOFS + 1))
    printf '  ✓ %-4s %-52s %6s s  %s\n' "$1" "$2" "$(seconds_since "$3")" "$4"
}

broken() {
    local number=$1 what=$2 why=$3
    shift 3
    {
        printf '\n  ✗ %s %s: %s\n' "$number" "$what" "$why"
        printf '    command: %s\n' "$*"
        printf '    output:\n'
        sed 's/^/      /' "$WORK/out" | tail -n 40
        printf '    Look at: strait --data-dir %s status; strait reach FROM SERVICE; %s/log/server.log\n' "$STRAIT_DATA_DIR" "$STRAIT_DATA_DIR"
        tail -n 15 "$STRAIT_DATA_DIR/log/server.log" 2>/dev/null | cut -c1-300 | sed 's/^/      log: /' || true
    } >&2
    exit 1
}

# A line of the script itself that fails is no proof either.
unplanned() {
    echo "  ✗ line $2 of $(basename "$3") failed with status $1: $4" >&2
    if [ -s "$WORK/out" ]; then sed 's/^/      /' "$WORK/out" | tail -n 20 >&2; fi
    if [ -s "$WORK/err" ]; then sed 's/^/      /' "$WORK/err" | tail -n 20 >&2; fi
}
set -E
trap 'unplanned $? $LINENO "${BASH_SOURCE[0]}" "$BASH_COMMAND"' ERR

milliseconds_since() {
    echo $(((${EPOCHREALTIME/[.,]/} - ${1/[.,]/}) / 1000))
}

seconds_since() {
    local elapsed
    elapsed=$(milliseconds_since "$1")
    printf '%d.%02d' $((elapsed / 1000)) $((elapsed % 1000 / 10))
}

# ---- Strait ----

strait() {
    timeout 90 "$STRAIT_BIN" "$@"
}

# get FILTER COMMAND…: one value of a command's JSON.
get() {
    local filter=$1
    shift
    "$@" 2>"$WORK/err" | jq -er "$filter" || {
        echo "no $filter in the answer to: $*" >&2
        cat "$WORK/err" >&2
        return 1
    }
}

start_strait() {
    strait up --detach --http "${STRAIT_HTTP_WANTED:-127.0.0.1:0}" --aws "${STRAIT_AWS_WANTED:-127.0.0.1:0}"
}

# Ends what runs on the data folder and empties it; refuses to touch a folder that is not Strait's.
wipe_data_dir() {
    if [ ! -e "$STRAIT_DATA_DIR" ]; then
        return
    fi
    if ! grep -q '^strait-data ' "$STRAIT_DATA_DIR/version" 2>/dev/null; then
        if [ -n "$(ls -A "$STRAIT_DATA_DIR")" ]; then
            echo "$STRAIT_DATA_DIR is not a data folder of Strait's: remove it, or set STRAIT_DEMO_DIR to another folder" >&2
            return 1
        fi
    fi
    strait down >"$WORK/out" 2>&1
    rm -rf "$STRAIT_DATA_DIR"
}

# account NAME: keeps an account's variables in $WORK/NAME.env and prints its id.
account() {
    strait env --account "$1" >"$WORK/$1.env" 2>"$WORK/err"
    (. "$WORK/$1.env" && echo "$STRAIT_ACCOUNT_ID")
}

# as NAME COMMAND…: with the account's keys.
as() {
    local name=$1
    shift
    (
        . "$WORK/$name.env"
        timeout 60 "$@"
    )
}

# ec2 NAME REGION ARGUMENTS…: an EC2 call by the account in a Region.
ec2() {
    local name=$1 region=$2
    shift 2
    as "$name" aws ec2 --region "$region" "$@"
}

# ask NAME REGION QUERY ARGUMENTS…: one value of the answer, as text.
ask() {
    local name=$1 region=$2 query=$3
    shift 3
    ec2 "$name" "$region" "$@" --query "$query" --output text
}

# ---- the provider's things ----

PROVIDER_REGION=us-east-1
declare -A PASSWORD NAME PEERING PCX

know_accounts() {
    PROVIDER=$(account provider)
    CUSTOMER=$(account customer)
    PROJECT=$(. "$WORK/provider.env" && echo "$STRAIT_PROJECT_ID")
}

# new_service NAME: makes a service, and keeps its password and its stable name.
new_service() {
    strait service create --name "$1" --region "$PROVIDER_REGION" --wait --output json >"$WORK/$1.json" || return 1
    PASSWORD[$1]=$(jq -er .initial_password "$WORK/$1.json") || return 1
    NAME[$1]=$(service "$1" .endpoint.host)
}

# service NAME FILTER: a field of the service as it is now.
service() {
    get "$2" strait service get "$1" --output json
}

# way NAME [MORE]: the line for psql by the stable name; and the password for it.
way() {
    echo "host=${NAME[$1]} port=5432 user=tsdbadmin dbname=tsdb sslmode=verify-full ${2:-}"
}

# sql SERVICE FROM SQL [MORE]
sql() {
    PGPASSWORD=${PASSWORD[$1]} query "$2" "$(way "$1" "${4:-}")" "$3"
}

# sql_is EXPECTED SERVICE FROM SQL [MORE]
sql_is() {
    PGPASSWORD=${PASSWORD[$2]} answers "$1" "$3" "$(way "$2" "${5:-}")" "$4"
}

# private NAME: the private address of an attached service.
private() {
    service "$1" .vpc_endpoint.address
}

# local_line NAME: the line for psql on this machine, as the service's connection info prints it.
local_line() {
    service "$1" .local_connection
}

new_vpc() {
    strait vpc create --name "$1" --region "$PROVIDER_REGION" --cidr "$2" --wait --output json >"$WORK/vpc-$1.json"
}

# request VPC ACCOUNT NETWORK: asks for a peering connection and keeps its ids in PEERING and PCX.
request() {
    local vpc=$1 account=$2 network=$3 key="$1-$3"
    strait peering create "$vpc" --account "$account" --vpc-id "${VPC[$network]}" --region "${REGION_OF[$network]}" --output json >"$WORK/peering.json" || return 1
    PEERING[$key]=$(jq -er .id "$WORK/peering.json") || return 1
    PCX[$key]=$(jq -er '.accepter_provisioned_id // .provisioned_id' "$WORK/peering.json")
}

peering() {
    get "$2" strait peering get "${PEERING[$1]}" --vpc "${1%%-*}" --output json
}

steps() {
    strait peering steps "${PEERING[$1]}" --vpc "${1%%-*}" "${@:2}"
}

# ---- a customer's network ----

declare -A VPC SUBNET TABLE GROUP INSTANCE ENI ADDRESS REGION_OF OWNER

# network ACCOUNT REGION RANGE NAME: a VPC with one subnet, and its main route table.
network() {
    local account=$1 region=$2 range=$3 name=$4
    OWNER[$name]=$account
    REGION_OF[$name]=$region
    VPC[$name]=$(ask "$account" "$region" Vpc.VpcId create-vpc --cidr-block "$range")
    SUBNET[$name]=$(ask "$account" "$region" Subnet.SubnetId create-subnet --vpc-id "${VPC[$name]}" --cidr-block "${range%/*}/24")
    TABLE[$name]=$(ask "$account" "$region" 'RouteTables[0].RouteTableId' describe-route-tables --filters "Name=vpc-id,Values=${VPC[$name]}" "Name=association.main,Values=true")
}

# group NAME GROUPNAME: a security group without any rule; prints its id.
group() {
    local name=$1 account=${OWNER[$1]} region=${REGION_OF[$1]} id
    id=$(ask "$account" "$region" GroupId create-security-group --group-name "$2" --description "$2" --vpc-id "${VPC[$name]}")
    ec2 "$account" "$region" revoke-security-group-egress --group-id "$id" --ip-permissions 'IpProtocol=-1,IpRanges=[{CidrIp=0.0.0.0/0}]' >"$WORK/out"
    echo "$id"
}

# instance NAME GROUP [INSTANCENAME]: starts an instance called INSTANCENAME in the network NAME.
instance() {
    local network=$1 group=$2 name=${3:-$1} account=${OWNER[$1]} region=${REGION_OF[$1]} facts
    OWNER[$name]=$account
    REGION_OF[$name]=$region
    facts=$(ask "$account" "$region" 'Instances[0].[InstanceId,PrivateIpAddress,NetworkInterfaces[0].NetworkInterfaceId]' run-instances \
        --image-id ami-0123456789abcdef0 --subnet-id "${SUBNET[$network]}" --security-group-ids "$group" \
        --tag-specifications "ResourceType=instance,Tags=[{Key=Name,Value=$name}]")
    read -r INSTANCE[$name] ADDRESS[$name] ENI[$name] <<<"$facts"
    GROUP[$name]=$group
}

# allow_out NAME GROUP RANGE [PORT]: an egress rule for TCP; all ports without one.
allow_out() {
    ec2 "${OWNER[$1]}" "${REGION_OF[$1]}" authorize-security-group-egress --group-id "$2" \
        --ip-permissions "IpProtocol=tcp,FromPort=${4:-0},ToPort=${4:-65535},IpRanges=[{CidrIp=$3}]"
}

forbid_out() {
    ec2 "${OWNER[$1]}" "${REGION_OF[$1]}" revoke-security-group-egress --group-id "$2" \
        --ip-permissions "IpProtocol=tcp,FromPort=${4:-0},ToPort=${4:-65535},IpRanges=[{CidrIp=$3}]"
}

use_group() {
    ec2 "${OWNER[$1]}" "${REGION_OF[$1]}" modify-network-interface-attribute --network-interface-id "${ENI[$1]}" --groups "$2"
}

route() {
    ec2 "${OWNER[$1]}" "${REGION_OF[$1]}" create-route --route-table-id "${TABLE[$1]}" --destination-cidr-block "$2" --vpc-peering-connection-id "$3"
}

unroute() {
    ec2 "${OWNER[$1]}" "${REGION_OF[$1]}" delete-route --route-table-id "${TABLE[$1]}" --destination-cidr-block "$2"
}

accept() {
    ec2 "${OWNER[$1]}" "${REGION_OF[$1]}" accept-vpc-peering-connection --vpc-peering-connection-id "$2"
}

# ---- the whole ----

# All that may be lost or doubled, in one order, without what changes by itself.
snapshot() {
    strait service list --output json | jq -S '[.. | objects | select(.service_id?) | {service_id, name, status, vpc: .vpc_endpoint.address}] | unique | sort_by(.service_id)'
    strait vpc list --output json | jq -S '[.. | objects | select(.cidr?) | {id, name, cidr}] | unique | sort_by(.id)'
    strait peering list --vpc peering --output json | jq -S '[.. | objects | select(.provisioned_id?) | {id, provisioned_id, status}] | unique | sort_by(.id)'
    ask provider "$PROVIDER_REGION" 'sort(VpcEndpoints[].VpcEndpointId)' describe-vpc-endpoints
    ask provider "$PROVIDER_REGION" 'sort(NetworkInterfaces[].NetworkInterfaceId)' describe-network-interfaces
    ask customer "$PROVIDER_REGION" 'sort(NetworkInterfaces[].NetworkInterfaceId)' describe-network-interfaces
    ask customer "$PROVIDER_REGION" 'sort(RouteTables[].Routes[].DestinationCidrBlock)' describe-route-tables
}

# ---- packets ----

# query FROM CONNINFO SQL: what psql prints, from an instance, from `internet`, or from this machine (`here`).
query() {
    local from=$1 conninfo=$2 sql=$3
    if [ "$from" = here ]; then
        timeout 40 psql -X -w -A -t -v ON_ERROR_STOP=1 "$conninfo" -c "$sql"
    else
        timeout 40 "$STRAIT_BIN" exec "$from" -- psql -X -w -A -t -v ON_ERROR_STOP=1 "$conninfo" -c "$sql"
    fi
}

# answers EXPECTED FROM CONNINFO SQL: the query's answer is exactly this.
answers() {
    local expected=$1 found
    shift
    found=$(query "$@") || {
        echo "$found"
        return 1
    }
    if [ "$found" != "$expected" ]; then
        echo "expected '$expected', found '$found'"
        return 1
    fi
}

# knock FROM ADDRESS PORT [SOURCE]: one TCP connection, with the patience of psql's; says why it fails. Python, because it names every reason.
knock() {
    timeout 40 "$STRAIT_BIN" exec "$1" -- python3 -c '
import os, socket, sys
address, port, source = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
knocker = socket.socket()
knocker.settimeout(int(os.environ["PGCONNECT_TIMEOUT"]))
if source:
    knocker.bind((source[0], 0))
try:
    knocker.connect((address, port))
except OSError as error:
    sys.exit(f"{address}:{port}: {error}")
print("connected")
' "${@:2}"
}

# reset_by FROM ADDRESS PORT: the packet arrives and the other side's kernel says that nobody listens there.
reset_by() {
    local said
    said=$(knock "$@" 2>&1) && return 1
    echo "$said"
    grep -q 'Connection refused' <<<"$said"
}

# address_of FROM NAME: what the name answers there.
address_of() {
    timeout 40 "$STRAIT_BIN" exec "$1" -- getent ahostsv4 "$2" | awk 'NR == 1 { print $1 }'
}

resolves_to() {
    local found
    found=$(address_of "$1" "$2")
    echo "$2 is $found from $1, expected $3"
    [ "$found" = "$3" ]
}

# within RANGE/16 ADDRESS, compared by the first octets that the demo's ranges differ in.
begins_with() {
    echo "$2 should begin with $1"
    [[ "$2" == "$1"* ]]
}

# wait_for SECONDS COMMAND…: the command succeeds within the time.
wait_for() {
    local limit=$1 begun=$EPOCHREALTIME
    shift
    until "$@"; do
        [ "$(milliseconds_since "$begun")" -le $((limit * 1000)) ] || return 1
        sleep 0.1
    done
}

# ended PROCESS SECONDS FILE: a session in the background ends with an error of the server's, not by hanging.
ended() {
    local process=$1 limit=$2 file=$3 begun=$EPOCHREALTIME
    while kill -0 "$process" 2>/dev/null; do
        if [ "$(milliseconds_since "$begun")" -gt $((limit * 1000)) ]; then
            echo "the session still hangs after $limit s"
            kill "$process" 2>/dev/null
            return 1
        fi
        sleep 0.05
    done
    cat "$file"
    grep -Eq 'terminating connection|server closed the connection|Connection reset|connection to server was lost' "$file"
}
