#!/usr/bin/env bash
# Bad input gets the right code and a message that names the field; a machine or folder that will not do is told why.
: "${STRAIT_DATA_DIR:?names the data folder, which is emptied first}"
. "$(dirname "${BASH_SOURCE[0]}")/../demo/lib.sh"

main() {
    wipe_data_dir
    section 1 "strait up"
    refused_starts
    section 2 "REST"
    quietly start_strait
    know_accounts
    . "$WORK/provider.env"
    rest_api
    section 3 "strait"
    command_line
    section 4 "a second server, a taken port"
    second_server
    quietly strait down
    printf '\n%d proofs in %s s\n' "$PROOFS" "$(seconds_since "$STARTED")"
}

refused_starts() {
    local other="$WORK/other"
    mkdir "$other"
    echo thesis >"$other/thesis.tex"
    refuse 1.1 "a folder of something else" "refused, left alone" 'not a data folder' strait --data-dir "$other" up --detach
    prove 1.2 "that folder" "is as it was" eval "[ \"\$(ls -A $other)\" = thesis.tex ]"
    rm -r "$other"
    mkdir "$other"
    echo "strait-data 99" >"$other/version"
    refuse 1.3 "a folder of another version" "refused by name" 'another version of Strait.*strait-data 99' strait --data-dir "$other" up --detach
    refuse 1.4 "no PostgreSQL" "says what to install, or to set" 'PostgreSQL|postgresql' env STRAIT_PG_BIN="$WORK/nowhere" timeout 30 "$STRAIT_BIN" --data-dir "$WORK/none" up --detach
    prove 1.5 "afterwards" "no server, no data folder is left" eval "[ ! -e '$WORK/none/run/server.json' ] && ! strait --data-dir '$WORK/none' status"
    no_nft
    refuse 1.7 "an address that is not there" "says which, and which option" 'http' strait --data-dir "$WORK/none" up --detach --http 192.0.2.1:80
    refuse 1.8 "strait status without a server" "says how to start one" 'strait up' strait status
    refuse 1.9 "strait service list without a server" "the same" 'strait up' strait service list
    refuse 1.10 "strait exec without a server" "the same" 'strait up' strait exec app -- true
    rm -rf "$other" "$WORK/none"
}

# In a mount namespace where nothing is a program called nft.
no_nft() {
    local hide='for file in /usr/sbin/nft /usr/bin/nft /usr/local/sbin/nft; do [ ! -e "$file" ] || mount --bind /dev/null "$file"; done; exec "$@"'
    refuse 1.6 "no nft" "says what to install" 'nftables' \
        timeout 30 unshare --user --map-root-user --mount -- bash -c "$hide" - "$STRAIT_BIN" --data-dir "$WORK/none" up --detach
}

# rest METHOD PATH [BODY [CURL OPTIONS…]]: prints the status and the body.
rest() {
    local method=$1 path=$2 body=${3:-}
    shift 2
    [ "$#" -eq 0 ] || shift
    local send=()
    [ -z "$body" ] || send=(--header "content-type: ${CONTENT_TYPE:-application/json}" --data-binary "$body")
    curl --silent --show-error --max-time 20 --user "$STRAIT_PUBLIC_KEY:$STRAIT_SECRET_KEY" --request "$method" \
        "${send[@]}" "$@" --write-out '\n%{http_code}' "$STRAIT_URL/public/api/v1$path"
}

env_type() {
    local CONTENT_TYPE=$1
    shift
    "$@"
}

# says STATUS PATTERN REST…: the answer has this status, and a JSON body whose text matches.
says() {
    local status=$1 pattern=$2 answer
    shift 2
    answer=$("$@") || return 1
    echo "$answer"
    [ "${answer##*$'\n'}" = "$status" ] && jq -e . <<<"${answer%$'\n'*}" >/dev/null && grep -Eqi "$pattern" <<<"${answer%$'\n'*}"
}

# Either of several statuses where the house has not promised one.
vpc_is_refused() {
    says "$1" "$2" rest POST "/projects/$PROJECT/vpcs" "$3"
}

rest_api() {
    local project="/projects/$PROJECT"
    local vpcs="$project/vpcs"
    prove 2.1 "a wrong secret" "401" says 401 'key' rest GET "$project/services" "" --user "$STRAIT_PUBLIC_KEY:wrong"
    prove 2.2 "another project" "404, as if it were not there" says 404 '.' rest GET "/projects/zzzzzzzzzz/services"
    prove 2.3 "a service that is not there" "404" says 404 'service' rest GET "$project/services/nothere123"
    prove 2.4 "a path that is not there" "404 in JSON" says 404 '.' rest GET "/nowhere"
    prove 2.5 "a method that is not there" "405 in JSON" says 405 '.' rest PATCH "$vpcs" '{}'
    prove 2.6 "malformed JSON" "400" says 400 'JSON' rest POST "$vpcs" '{"name": '
    prove 2.7 "an unknown field" "400, named" says 400 'colour' rest POST "$vpcs" '{"name":"a","cidr":"10.1.0.0/20","region_code":"us-east-1","colour":"red"}'
    prove 2.8 "a missing field" "400, named" says 400 'cidr' rest POST "$vpcs" '{"name":"a","region_code":"us-east-1"}'
    prove 2.9 "a body of another type" "415" env_type text/plain says 415 'json' rest POST "$vpcs" "a=b"
    printf '{"name":"%02000000d"}' 0 >"$WORK/large"
    prove 2.10 "a body that is too large" "413" says 413 '.' rest POST "$vpcs" "@$WORK/large"
    prove 2.11 "another Host (DNS rebinding)" "refused" refused_host
    prove 2.12 "cidr: malformed" "400, names cidr" vpc_is_refused 400 'cidr' '{"name":"a","cidr":"10.0.0.300/16","region_code":"us-east-1"}'
    prove 2.13 "cidr: /8" "400, says /16 to /28" vpc_is_refused 400 'cidr.*(16|28)' '{"name":"a","cidr":"10.0.0.0/8","region_code":"us-east-1"}'
    prove 2.14 "cidr: /29" "400, says /16 to /28" vpc_is_refused 400 'cidr.*(16|28)' '{"name":"a","cidr":"10.0.0.0/29","region_code":"us-east-1"}'
    prove 2.15 "region_code: unknown" "400, lists those that there are" vpc_is_refused 400 'us-east-1' '{"name":"a","cidr":"10.1.0.0/20","region_code":"mars-north-1"}'
    prove 2.16 "host bits" "are taken off" says 201 '"cidr": ?"10.0.0.0/17"' rest_created POST "$vpcs" '{"name":"bits","cidr":"10.0.0.7/17","region_code":"us-east-1"}'
    prove 2.17 "an overlapping range" "409, names the other" vpc_is_refused 409 'bits' '{"name":"b","cidr":"10.0.64.0/20","region_code":"us-east-1"}'
    prove 2.18 "the OpenAPI document" "is one, 3.1" eval 'rest GET /openapi.json | head -n -1 | jq -e ".openapi | startswith(\"3.1\")"'
}

# 200, 201 or 202: what counts is that it was made.
rest_created() {
    rest "$@" | sed '$s/^20[012]$/201/'
}

refused_host() {
    local status
    status=$(curl --silent --output "$WORK/body" --max-time 10 --user "$STRAIT_PUBLIC_KEY:$STRAIT_SECRET_KEY" \
        --header 'Host: evil.example' --write-out '%{http_code}' "$STRAIT_URL/public/api/v1/projects/$PROJECT/vpcs")
    echo "status $status"
    cat "$WORK/body"
    [[ "$status" == 4* ]]
}

command_line() {
    local peer
    new_vpc peering 10.80.0.0/20
    network customer "$PROVIDER_REGION" 10.80.0.0/16 overlapping
    refuse 3.1 "an unknown option" "usage" 'Usage|--help' strait vpc create --colour red
    prove 3.2 "its exit status" "is 2" exits 2 strait vpc create --colour red
    prove 3.3 "the exit status of a refusal" "is 1" exits 1 strait vpc get nothere
    refuse 3.4 "strait vpc create with a bad range" "names cidr" 'cidr' strait vpc create --name x --region us-east-1 --cidr ten
    refuse 3.5 "strait peering create, account malformed" "names it" 'account' strait peering create peering --account 12 --vpc-id vpc-0123456789abcdef0 --region us-east-1
    refuse 3.6 "strait peering create, VPC id malformed" "names it" 'vpc' strait peering create peering --account "$CUSTOMER" --vpc-id net-1 --region us-east-1
    refuse 3.7 "strait peering create, unknown Region" "names it" 'region' strait peering create peering --account "$CUSTOMER" --vpc-id vpc-0123456789abcdef0 --region mars-1
    prove 3.8 "a peer VPC that does not exist" "INVALID, told why" ends_invalid vpc-0123456789abcdef0 'does not exist|not exist|no VPC|not found'
    prove 3.9 "a peer VPC that overlaps" "INVALID, told why" ends_invalid "${VPC[overlapping]}" 'overlap'
    quietly new_service orders
    quietly strait service attach orders peering --wait
    refuse 3.10 "deleting a VPC in use" "names what uses it" 'orders' strait vpc delete peering
    peer=$(other_region)
    quietly strait vpc create --name elsewhere --region "$peer" --cidr 10.99.0.0/20 --wait
    refuse 3.11 "attaching in another Region" "names both" "$PROVIDER_REGION.*$peer|$peer.*$PROVIDER_REGION" strait service attach orders elsewhere
    refuse 3.12 "strait exec of no instance" "lists what there is" 'internet' strait exec nobody -- true
    prove 3.13 "strait completions bash" "prints a script" eval "strait completions bash | bash -n"
}

other_region() {
    strait regions --output json | jq -er "[.. | strings | select(test(\"^[a-z]{2}-[a-z]+-[0-9]\$\")) | select(. != \"$PROVIDER_REGION\")][0]"
}

exits() {
    local expected=$1 status=0
    shift
    "$@" || status=$?
    [ "$status" = "$expected" ]
}

# ends_invalid VPC PATTERN: AWS answers 200 and then `failed`; the plane shows why.
ends_invalid() {
    local id
    id=$(strait peering create peering --account "$CUSTOMER" --vpc-id "$1" --region "$PROVIDER_REGION" --output json | jq -er .id) || return 1
    wait_for 60 is_invalid "$id" "$2"
}

is_invalid() {
    strait peering get "$1" --vpc peering --output json >"$WORK/peering.json" || return 1
    cat "$WORK/peering.json"
    jq -e '.status == "INVALID"' "$WORK/peering.json" && jq -r '.error_message' "$WORK/peering.json" | grep -Ei "$2"
}

second_server() {
    local port
    port=$(get .server.http strait status --output json)
    refuse 4.1 "a taken port" "says so, and which option" 'taken.*--http' strait --data-dir "$WORK/second" up --detach --http "$port" --aws 127.0.0.1:0
    prove 4.2 "afterwards" "nothing of it runs" eval "! strait --data-dir '$WORK/second' status"
    prove 4.3 "strait up again" "says that it runs" eval "strait up --detach | grep 'runs already'"
    rm -rf "$WORK/second"
}

main
