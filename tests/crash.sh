#!/usr/bin/env bash
# The server is killed: packets, sessions, names and loopback ports go on, and a new one adopts what runs. Then `down` leaves
# nothing behind, and a later `up` brings everything back.
: "${STRAIT_DATA_DIR:?names the data folder, which is emptied first}"
. "$(dirname "${BASH_SOURCE[0]}")/../demo/lib.sh"

FIRST=10.80.0.0/17

main() {
    wipe_data_dir
    build
    section 1 "kill -9 of the server"
    survive
    section 2 "the next one adopts"
    adopt
    section 3 "killed in the middle of things"
    in_the_middle
    section 4 "down, and up again"
    down_and_up
    section 5 "down while the server is dead"
    down_when_dead
    printf '\n%d proofs in %s s\n' "$PROOFS" "$(seconds_since "$STARTED")"
}

build() {
    section 0 "A service in a VPC, a public one, a customer"
    touch "$WORK/before"
    start_strait >"$WORK/out"
    know_accounts
    new_vpc peering "$FIRST"
    new_vpc second 10.81.0.0/20
    new_service orders
    new_service catalog
    network customer "$PROVIDER_REGION" 10.20.0.0/16 app
    instance app "$(group app open)"
    quietly allow_out app "${GROUP[app]}" 0.0.0.0/0
    local vpc range
    for vpc in peering second; do
        request "$vpc" "$CUSTOMER" app
        quietly accept app "${PCX[$vpc-app]}"
        range=$(get .cidr strait vpc get "$vpc" --output json)
        quietly route app "$range" "${PCX[$vpc-app]}"
    done
    quietly strait service attach orders peering --wait
    quietly sql orders app "create table kept (n int); insert into kept values (7)"
    CATALOG_LINE=$(local_line catalog)
    prove 0.1 "both services" "are reached" everything_works
}

everything_works() {
    sql_is 7 orders app "select n from kept" && sql_is 1 catalog internet "select 1" && here_works
}

here_works() {
    PGPASSWORD=${PASSWORD[catalog]} answers 1 here "$CATALOG_LINE" "select 1"
}

# hold FROM LINE SERVICE FILE: a session that is open, works for a while and says so at its end.
hold() {
    local run=()
    touch "$4"
    [ "$1" = here ] || run=("$STRAIT_BIN" exec "$1" --)
    PGPASSWORD=${PASSWORD[$3]} timeout 120 "${run[@]}" psql -X -w -At "$2" -c "select 'open'" -c "select pg_sleep(10)" -c "select 'still here'" >"$4" 2>&1 </dev/null &
    HELD+=($!)
}

kill_server() {
    local pid
    pid=$(get .server.pid strait status --output json)
    kill -9 "$pid"
    while kill -0 "$pid" 2>/dev/null; do sleep 0.02; done
}

survive() {
    HELD=()
    snapshot >"$WORK/snapshot.before"
    processes postgres >"$WORK/postgres.before"
    hold app "$(way orders)" orders "$WORK/held-app"
    hold here "$CATALOG_LINE" catalog "$WORK/held-here"
    wait_for 60 grep -q open "$WORK/held-app"
    wait_for 60 grep -q open "$WORK/held-here"
    kill_server
    refuse 1.1 "strait status" "says that the server is gone, and what goes on" 'strait up' strait status
    prove 1.2 "new sessions, names and the loopback port" "go on without a server" everything_works
    wait "${HELD[0]}" && wait "${HELD[1]}"
    prove 1.3 "the session from the app that was open" "never noticed" grep -q 'still here' "$WORK/held-app"
    prove 1.4 "the session through the loopback port" "never noticed" grep -q 'still here' "$WORK/held-here"
}

adopt() {
    prove 2.1 "strait up" "adopts" start_strait
    know_accounts
    prove 2.2 "both services" "are reached" everything_works
    processes postgres >"$WORK/postgres.after"
    prove 2.3 "the PostgreSQL servers" "are the same processes" diff "$WORK/postgres.before" "$WORK/postgres.after"
    snapshot >"$WORK/snapshot.after"
    prove 2.4 "services, VPCs, peerings, endpoints, interfaces" "nothing lost, nothing doubled" diff "$WORK/snapshot.before" "$WORK/snapshot.after"
}

in_the_middle() {
    local delay
    for delay in 0.02 0.15 0.5; do
        attach_and_kill second "$delay"
        attach_and_kill peering "$delay"
    done
    prove 3.2 "endpoints of the provider" "one a VPC and service that is attached" one_endpoint
}

# The answer to the attach may or may not come before the server dies: the plane has it, or the user tries again.
attach_and_kill() {
    local vpc=$1
    strait service attach orders "$vpc" >"$WORK/out" 2>&1 </dev/null &
    local asked=$!
    sleep "$2"
    kill_server
    wait "$asked" || true
    quietly start_strait
    know_accounts
    quietly strait service attach orders "$vpc" --wait
    prove 3.1 "killed $2 s into the move to $vpc" "after up it gets there, the row is there" sql_is 7 orders app "select n from kept"
}

one_endpoint() {
    local found
    found=$(ask provider "$PROVIDER_REGION" 'length(VpcEndpoints[?State==`available`])' describe-vpc-endpoints)
    echo "$found endpoints"
    [ "$found" = 1 ]
}

down_and_up() {
    control_of_the_search
    snapshot >"$WORK/snapshot.before"
    prove 4.1 "strait down" "ends" strait down
    nothing_is_left
    prove 4.2 "afterwards" "no process, namespace, mount or file remains" cat "$WORK/left"
    prove 4.3 "strait up" "starts a second time" start_strait
    know_accounts
    CATALOG_LINE=$(local_line catalog)
    prove 4.4 "both services and their data" "are back, by the same names" everything_works
    snapshot >"$WORK/snapshot.after"
    prove 4.5 "services, VPCs, peerings, endpoints, interfaces" "nothing lost, nothing doubled" diff "$WORK/snapshot.before" "$WORK/snapshot.after"
}

down_when_dead() {
    control_of_the_search
    kill_server
    prove 5.1 "strait down" "ends what a dead server left" strait down
    nothing_is_left
    prove 5.2 "afterwards" "no process, namespace, mount or file remains" cat "$WORK/left"
    prove 5.3 "strait down, once more" "does no harm" strait down
}

# processes NAME: the main processes of this name that belong to the data folder.
processes() {
    local process
    for process in /proc/[0-9]*; do
        if [ "$(cat "$process/comm" 2>/dev/null)" = "$1" ] && tr '\0' ' ' 2>/dev/null <"$process/cmdline" | grep -F "$STRAIT_DATA_DIR" >/dev/null; then
            echo "${process#/proc/}"
        fi
    done
}

# Fails, with what is left in $WORK/left, when anything is.
nothing_is_left() {
    # The kernel takes a moment to bury what was killed.
    local tries
    for tries in {1..50}; do
        find_left
        [ -s "$WORK/left" ] || break
        sleep 0.2
    done
    if [ -s "$WORK/left" ]; then
        cp "$WORK/left" "$WORK/out"
        broken - "after strait down" "something is left" find_left
    fi
}

# While Strait runs, all kinds must be found: a search that finds nothing anyway proves nothing afterwards.
control_of_the_search() {
    ANCHOR_NAMESPACE=$(readlink "/proc/$(get .anchor.pid strait status --output json)/ns/pid")
    find_left
    control grep '^process' "$WORK/left"
    control grep '^namespace' "$WORK/left"
    control grep '^socket' "$WORK/left"
}

find_left() {
    local process
    {
        for process in /proc/[0-9]*; do
            if [ "${process#/proc/}" != $$ ] && [ "$(readlink "$process/exe" 2>/dev/null)" = "$(realpath "$STRAIT_BIN")" ]; then
                if tr '\0' ' ' 2>/dev/null <"$process/cmdline" | grep -F "$STRAIT_DATA_DIR" >/dev/null; then echo "process $process: $(tr '\0' ' ' <"$process/cmdline")"; fi
            elif tr '\0' ' ' 2>/dev/null <"$process/cmdline" | grep -F "$STRAIT_DATA_DIR/" >/dev/null; then
                echo "process $process: $(tr '\0' ' ' <"$process/cmdline")"
            fi
        done
        grep -F "$STRAIT_DATA_DIR" /proc/self/mountinfo | sed 's/^/mount /'
        find "$STRAIT_DATA_DIR" -type s -printf 'socket %p\n' 2>/dev/null
        find /tmp /var/tmp /run /dev/shm "$HOME" -xdev -user "$(id -u)" -newer "$WORK/before" \
            ! -path '*/strait-run.*' ! -path '*/strait-stage.*' ! -path "$STRAIT_DATA_DIR*" ! -path "$CARGO_TARGET_DIR*" -not -type d -printf 'file %p\n' 2>/dev/null | grep -i -e strait -e PGSQL -e postgres
        others_namespaces | sed 's/^/namespace of process /'
    } >"$WORK/left" || true
}

# Namespaces live by processes or mounts. The user namespace of this Strait's anchor was noted while it ran.
others_namespaces() {
    local process
    for process in /proc/[0-9]*; do
        if [ -n "${ANCHOR_NAMESPACE:-}" ] && [ "$(readlink "$process/ns/pid" 2>/dev/null)" = "$ANCHOR_NAMESPACE" ]; then
            echo "${process#/proc/}"
        fi
    done
}

main
