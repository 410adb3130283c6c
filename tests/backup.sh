#!/usr/bin/env bash
# A backup while clients write, one that is killed, one while Strait is down; restored into other folders, all is as it was.
# Backups that are not good are refused, and leave nothing.
: "${STRAIT_DATA_DIR:?names the data folder, which is emptied first}"
. "$(dirname "${BASH_SOURCE[0]}")/../demo/lib.sh"

ORIGINAL=$STRAIT_DATA_DIR
COPY=$STRAIT_DATA_DIR-copy
COLD=$STRAIT_DATA_DIR-cold
RANGE=10.80.0.0/20

main() {
    local folder
    for folder in "$COLD" "$COPY" "$ORIGINAL"; do
        STRAIT_DATA_DIR=$folder
        wipe_data_dir
    done
    BACKUP=$WORK/online.tar.zst
    build
    section 1 "backup, while clients write"
    online
    section 2 "backup, while Strait is down"
    while_down
    section 3 "what is no good backup"
    bad_ones
    section 4 "restore, and up"
    restored
    section 5 "the other backup"
    restored_cold
    printf '\n%d proofs in %s s\n' "$PROOFS" "$(seconds_since "$STARTED")"
}

build() {
    section 0 "A service in a VPC, a public one, a customer"
    local range service
    quietly start_strait
    know_accounts
    new_vpc peering "$RANGE"
    new_service orders
    new_service catalog
    network customer "$PROVIDER_REGION" 10.20.0.0/16 app
    instance app "$(group app open)"
    quietly allow_out app "${GROUP[app]}" 0.0.0.0/0
    request peering "$CUSTOMER" app
    quietly accept app "${PCX[peering-app]}"
    range=$(get .cidr strait vpc get peering --output json)
    quietly route app "$range" "${PCX[peering-app]}"
    quietly strait service attach orders peering --wait
    for service in orders catalog; do
        quietly sql "$service" "$(side "$service")" "create table kept (n int primary key)"
    done
    prove 0.1 "both services" "are reached" sql_is 0 orders app "select count(*) from kept"
}

# Where clients of a service are.
side() {
    case "$1" in
    orders) echo app ;;
    *) echo internet ;;
    esac
}

# Writes 1, 2, 3, … each in a transaction of its own, until it is told to end.
write_on() {
    local n
    for ((n = 1; ; n++)); do
        [ ! -e "$WORK/enough" ] || break
        echo "insert into kept values ($n);"
    done | PGPASSWORD=${PASSWORD[$1]} timeout 280 "$STRAIT_BIN" exec "$(side "$1")" -- psql -X -w -q "$(way "$1")" >"$WORK/writer-$1" 2>&1
}

last_of() {
    sql "$1" "$(side "$1")" "select coalesce(max(n), 0) from kept"
}

has_begun() {
    [ "$(last_of "$1")" -gt 100 ]
}

online() {
    local service writers=()
    for service in orders catalog; do
        write_on "$service" &
        writers+=($!)
        wait_for 60 has_begun "$service"
    done
    killed_in_the_midst
    refuse 1.1 "a backup that was killed" "leaves nothing under its name" 'No such file' ls "$WORK/killed.tar.zst"
    prove 1.2 "the PostgreSQLs" "have forgotten it" wait_for 60 nothing_open
    declare -gA BEFORE
    for service in orders catalog; do
        BEFORE[$service]=$(last_of "$service")
    done
    prove 1.3 "strait backup" "works while clients write" strait backup "$BACKUP"
    cat "$WORK/out"
    prove 1.4 "its file" "is its owner's only" test "$(stat -c %a "$BACKUP")" = 600
    for service in orders catalog; do
        prove 1.5 "meanwhile $service" "took what clients wrote" test "$(last_of "$service")" -gt "${BEFORE[$service]}"
    done
    touch "$WORK/enough"
    wait "${writers[@]}"
    prove 1.6 "the PostgreSQLs" "have no backup open" wait_for 60 nothing_open
    prove 1.7 "the backup, once more under the name of the killed one" "works" strait backup "$WORK/killed.tar.zst"
    refuse 1.8 "a backup under a name that is taken" "replaces nothing" 'is there already' strait backup "$BACKUP"
    refuse 1.9 "a backup into the data folder" "is refused" 'would be lost with it' strait backup "$ORIGINAL/backup.tar.zst"
    snapshot >"$WORK/snapshot.before"
    quietly sql orders app "insert into kept values (-1)"
}

# A backup that ended before it was killed is tried again.
killed_in_the_midst() {
    local tries killed status
    for tries in {1..10}; do
        rm -f "$WORK/killed.tar.zst"
        "$STRAIT_BIN" backup "$WORK/killed.tar.zst" >"$WORK/out" 2>&1 &
        killed=$!
        # Its compressed parts come by the megabyte: now it is in the midst of it.
        until [ -s "$WORK/.killed.tar.zst.partial" ] || ! kill -0 "$killed" 2>/dev/null; do
            sleep 0.02
        done
        kill -KILL "$killed" 2>/dev/null || true
        status=0
        wait "$killed" 2>/dev/null || status=$?
        [ "$status" -ne 137 ] || return 0
        [ "$status" -eq 0 ] || break
    done
    cat "$WORK/out"
    return 1
}

nothing_open() {
    sql_is 0 orders app "select count(*) from pg_replication_slots" && sql_is 0 catalog internet "select count(*) from pg_replication_slots"
}

while_down() {
    AFTER=$(sql orders app "select count(*) from kept")
    refuse 2.1 "a restore into the folder where Strait runs" "is refused" 'Strait runs in' strait restore "$BACKUP"
    quietly strait down
    prove 2.2 "strait backup" "works while Strait is down" strait backup "$WORK/cold.tar.zst"
    cat "$WORK/out"
    refuse 2.3 "a restore into a folder with something in it" "replaces nothing" 'is not empty' strait restore "$BACKUP"
    refuse 2.4 "a backup of a folder that is none of Strait's" "says where a server's things are" 'strait server' strait --data-dir "$WORK/nowhere" backup "$WORK/none.tar.zst"
}

bad_ones() {
    local size
    size=$(stat -c %s "$BACKUP")
    head -c $((size - 1)) "$BACKUP" >"$WORK/cut"
    refuse 3.1 "one that lacks its last byte" "is refused" 'is not good' strait --data-dir "$COPY" restore "$WORK/cut"
    head -c $((size / 2)) "$BACKUP" >"$WORK/half"
    refuse 3.2 "half of one" "is refused" 'is not good' strait --data-dir "$COPY" restore "$WORK/half"
    python3 -c '
import sys
whole = bytearray(open(sys.argv[1], "rb").read())
whole[len(whole) * 2 // 3] ^= 1
open(sys.argv[2], "wb").write(whole)' "$BACKUP" "$WORK/changed"
    refuse 3.3 "one with a changed bit" "is refused" 'is not good' strait --data-dir "$COPY" restore "$WORK/changed"
    cp "$WORK/peering.json" "$WORK/other"
    refuse 3.4 "another file" "is refused" 'is not good' strait --data-dir "$COPY" restore "$WORK/other"
    refuse 3.5 "after all that" "nothing is there" 'No such file' ls -d "$COPY" "$(dirname "$COPY")/.$(basename "$COPY").restoring"
}

restored() {
    local service
    prove 4.1 "strait restore" "of the backup that was made while clients wrote" strait --data-dir "$COPY" restore "$BACKUP"
    cat "$WORK/out"
    STRAIT_DATA_DIR=$COPY
    prove 4.2 "strait up" "starts on it" start_strait
    know_accounts
    snapshot >"$WORK/snapshot.after"
    prove 4.3 "services, VPCs, peerings, endpoints, interfaces" "nothing lost, nothing doubled" diff "$WORK/snapshot.before" "$WORK/snapshot.after"
    for service in orders catalog; do
        prove 4.4 "$service" "has all that it had taken before the backup began" wait_for 60 is_a_prefix "$service"
    done
    sql orders app "select 'orders, of ' || ${BEFORE[orders]} || ' before: ' || max(n) from kept"
    prove 4.5 "what came after the backup" "is not there" sql_is 0 orders app "select count(*) from kept where n < 0"
    prove 4.6 "both services" "take rows" sql orders app "insert into kept values (-2)"
    quietly sql catalog internet "insert into kept values (-2)"
    prove 4.7 "a backup of what was restored" "works" strait backup "$WORK/again.tar.zst"
    quietly strait down
}

# Without a gap, and with everything that was acknowledged.
is_a_prefix() {
    sql_is t "$1" "$(side "$1")" "select count(*) = max(n) and min(n) = 1 and max(n) >= ${BEFORE[$1]} from kept"
}

restored_cold() {
    prove 5.1 "strait restore" "of the backup that was made while Strait was down" strait --data-dir "$COLD" restore "$WORK/cold.tar.zst"
    STRAIT_DATA_DIR=$COLD
    prove 5.2 "strait up" "starts on it" start_strait
    know_accounts
    prove 5.3 "orders" "has every row" wait_for 60 sql_is "$AFTER" orders app "select count(*) from kept"
    quietly strait down
}

main
