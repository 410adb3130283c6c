#!/usr/bin/env bash
# The disk of the data folder is full, or nobody may write there: what happened is said, and all goes on by itself once there
# is room. On a small disk of its own, in memory: as an ordinary user in a namespace, where that is allowed.
: "${STRAIT_DATA_DIR:?names the data folder, which is emptied first}"

# 400 MB hold Strait with a few services; the rest is taken by a file.
if [ -z "${ON_SMALL_DISK:-}" ]; then
    mkdir -p "$STRAIT_DATA_DIR"
    export ON_SMALL_DISK=1 OWN_UID OWN_GID
    OWN_UID=$(id -u)
    OWN_GID=$(id -g)
    # The disk is mounted by a namespace's root; all else runs as the user again.
    # shellcheck disable=SC2016
    exec unshare -rm sh -c 'mount -t tmpfs -o size=400m,mode=0700 strait-small-disk "$STRAIT_DATA_DIR" && exec unshare -U --map-user="$OWN_UID" --map-group="$OWN_GID" "$0"' "$0"
fi
. "$(dirname "${BASH_SOURCE[0]}")/../demo/lib.sh"

DISK=$STRAIT_DATA_DIR
export STRAIT_DATA_DIR=$DISK/data
ROOM=$DISK/taken

main() {
    trap 'strait down >/dev/null 2>&1; end_children' EXIT
    section 0 "Strait with a service, on a disk of 400 MB"
    quietly start_strait
    know_accounts
    new_service orders
    quietly sql orders internet "create table kept (n int); insert into kept values (7)"
    section 1 "the disk is full"
    full
    section 2 "there is room again"
    room_again
    section 3 "the folder may not be written to any more, while Strait runs"
    becomes_read_only
    section 4 "nor when it starts"
    read_only
    printf '\n%d proofs in %s s\n' "$PROOFS" "$(seconds_since "$STARTED")"
}

# Takes all room but this many megabytes.
leave() {
    local free
    free=$(df --output=avail -B1M "$DISK" | tail -n 1)
    fallocate -l $((free - $1))M "$ROOM"
}

full() {
    leave 6
    strait service create --name catalog --region "$PROVIDER_REGION" --output json >"$WORK/catalog.json"
    wait_for 60 says_why >"$WORK/out"
    prove 1.1 "a service that is asked for" "says why it is not there yet" says_why
    prove 1.2 "the one that runs" "answers" sql_is 7 orders internet "select n from kept"
    refuse 1.3 "a service that runs" "says why it takes no more" 'No space left on device|server closed the connection' \
        sql orders internet "create table much as select repeat(md5(n::text), 100) from generate_series(1, 1000000) n"
    leave 0
    refuse 1.4 "strait backup onto the full disk" "says why" 'room' strait backup "$DISK/backup.tar.zst"
    prove 1.5 "reads of the API" "are answered" strait service list
}

says_why() {
    strait service get catalog --output json >"$WORK/why" 2>&1
    cat "$WORK/why"
    grep -Eq 'No space left on device|disk is full' "$WORK/why"
}

room_again() {
    rm -f "$ROOM"
    prove 2.1 "the service that was asked for" "is made by itself" wait_for 60 is_ready catalog
    prove 2.2 "the one that ran" "has what it had" wait_for 60 sql_is 7 orders internet "select n from kept"
    prove 2.3 "and takes more" "again" sql orders internet "insert into kept values (8)"
    quietly strait down
    quietly start_strait
    know_accounts
    prove 2.4 "after down and up" "all is there" wait_for 60 sql_is 15 orders internet "select sum(n) from kept"
}

is_ready() {
    strait service get "$1" --output json | tee "$WORK/state" | jq -e '.status == "READY"'
}

# As on a file system that the kernel made read-only after an error: sockets go on.
becomes_read_only() {
    writable a-w
    refuse 3.1 "a service that is asked for" "says what is wrong" 'Permission denied.*may write' \
        strait service create --name third --region "$PROVIDER_REGION"
    refuse 3.2 "a service that runs" "says what is wrong" 'Permission denied' sql orders internet "insert into kept values (1)"
    # The checkpointer and the watcher notice too.
    sleep 10
    prove 3.3 "the server" "is there all the time" strait status
    writable u+w
    prove 3.4 "the service, once it may be" "has what it had" wait_for 60 sql_is 15 orders internet "select sum(n) from kept"
    # Its own PostgreSQL is started anew once a second until it comes up.
    prove 3.5 "requests" "are served again, by itself" wait_for 60 strait service list
    prove 3.6 "a service that is asked for" "is made" strait service create --name third --region "$PROVIDER_REGION" --wait
    prove 3.7 "one that was not taken" "is not there" test "$(strait service list --output json | jq length)" = 3
    quietly strait down
}

# writable MODE
writable() {
    find "$STRAIT_DATA_DIR" \( -type f -o -type d \) -exec chmod "$1" {} +
}

read_only() {
    chmod -R a-w "$STRAIT_DATA_DIR"
    refuse 4.1 "strait up" "says what is wrong" 'Permission denied|Read-only' start_strait
    chmod -R u+w "$STRAIT_DATA_DIR"
    prove 4.2 "strait up, once it may be" "starts" start_strait
    know_accounts
    prove 4.3 "the service" "has what it had" wait_for 60 sql_is 15 orders internet "select sum(n) from kept"
    quietly strait down
}

main
