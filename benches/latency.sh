#!/usr/bin/env bash
# How long things take, as a user at a shell sees it: each line is one command of the release build, start of the program
# included. Every number is the median of ROUNDS (5).
STRAIT_DATA_DIR=$(mktemp -d "${TMPDIR:-/tmp}/strait-bench.XXXXXX")/data
. "$(dirname "${BASH_SOURCE[0]}")/../demo/lib.sh"

ROUNDS=${ROUNDS:-5}
declare -A TIMES

main() {
    trap 'wipe_data_dir || true; rmdir "$(dirname "$STRAIT_DATA_DIR")"; end_children' EXIT
    local round
    for ((round = 0; round < ROUNDS; round++)); do
        wipe_data_dir
        measure first_start start_strait
        quietly strait down
        measure second_start start_strait
        know_accounts
        one_round
        IDLE=$(memory)
    done
    table
}

one_round() {
    quietly new_vpc peering 10.80.0.0/17
    measure service_create strait service create --name orders --region "$PROVIDER_REGION" --wait
    quietly strait service delete orders --wait
    quietly new_service orders
    network customer "$PROVIDER_REGION" 10.20.0.0/16 app
    instance app "$(group app open)"
    quietly allow_out app "${GROUP[app]}" 0.0.0.0/0
    measure peering_pending request peering "$CUSTOMER" app
    quietly accept app "${PCX[peering-app]}"
    quietly route app 10.80.0.0/17 "${PCX[peering-app]}"
    quietly strait service attach orders peering --wait
    quietly strait service detach orders --wait
    # The name is asked for, not tried: an app's attempt at the public address may wait for its time-out.
    measure attach eval 'strait service attach orders peering && until address_of app "${NAME[orders]}" | grep "^10\.80\."; do :; done && sql_is 1 orders app "select 1"'
    # A try at the address that the name had waits for its time-out; the next one does not.
    measure detach eval 'strait service detach orders && until PGCONNECT_TIMEOUT=$SILENCE sql_is 1 orders internet "select 1"; do :; done'
    measure psql sql_is 1 orders internet "select 1"
}

measure() {
    local name=$1 begun=$EPOCHREALTIME
    shift
    quietly "$@"
    TIMES[$name]+="$(milliseconds_since "$begun") "
}

# The server's own resident memory, in MB; its PostgreSQL is apart.
memory() {
    sleep 3
    awk '/VmRSS/ { printf "%.0f", $2 / 1024 }' "/proc/$(get .server.pid strait status --output json)/status"
}

table() {
    printf '\n%-52s %10s %10s\n' "what ($(nproc) cores, median of $ROUNDS)" "ms" "wanted"
    row "strait up, first start" first_start 6000
    row "strait up, second start" second_start 3000
    row "strait service create --wait" service_create 2000
    row "peering request to pending, with its pcx-" peering_pending 200
    row "attach to the first private psql" attach 1000
    row "detach to the first public psql" detach 1000
    row "of which one psql in an instance" psql -
    printf '%-52s %10s %10s\n' "memory of the idle server, MB" "$IDLE" 60
}

row() {
    printf '%-52s %10s %10s\n' "$1" "$(median ${TIMES[$2]})" "$3"
}

median() {
    printf '%s\n' "$@" | sort -n | awk '{ value[NR] = $1 } END { print value[int((NR + 1) / 2)] }'
}

main
