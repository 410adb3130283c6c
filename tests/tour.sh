#!/usr/bin/env bash
# The tour of the README, pasted: its commands are taken out of the text and run in their order.
set -euo pipefail
: "${STRAIT_DATA_DIR:?names the data folder, which is emptied first}"
. "$(dirname "${BASH_SOURCE[0]}")/../demo/lib.sh"

main() {
    local begun=$EPOCHREALTIME
    wipe_data_dir
    mkdir "$WORK/bin"
    ln -s "$STRAIT_BIN" "$WORK/bin/strait"
    tour >"$WORK/tour.sh"
    bash -n "$WORK/tour.sh"
    if ! PATH="$WORK/bin:$PATH" timeout 240 bash -E "$WORK/tour.sh" >"$WORK/out" 2>&1 </dev/null; then
        broken 1.1 "the tour" "a line of it failed" bash "$WORK/tour.sh"
    fi
    passed 1.1 "the README's tour" "$begun" "every line does what it says"
}

# What is typed, with what a person does between: the build is there, the password is pasted, and lines that must fail do.
tour() {
    cat <<'HEAD'
set -euo pipefail
trap 'echo "line $LINENO: $BASH_COMMAND" >&2; strait down' ERR
strait() { if [ "$1" = up ]; then command strait up --detach --http 127.0.0.1:0 --aws 127.0.0.1:0; else command strait "$@"; fi; }
must_fail() { if PGCONNECT_TIMEOUT=3 "$@" >"$TOUR/refused" 2>&1; then echo "worked: $*" >&2; return 1; fi; grep -Eq "$REASON" "$TOUR/refused" || { cat "$TOUR/refused"; return 1; }; }
HEAD
    echo "TOUR=$WORK"
    awk '/^## A five-minute tour/ { tour = 1 } tour && /^```sh/ { block = 1; next } block && /^```/ { exit } block' "$HERE/README.md" |
        sed -E -e '/^make build/d' -e '/^export PATH=/d' \
            -e 's/^(strait service create [^#]*).*/\1 | tee "$TOUR\/created"/' \
            -e "s/^export PGPASSWORD=.*/export PGPASSWORD=\$(sed -nE 's\/^.*[Pp]assword[^A-Za-z0-9]+([A-Za-z0-9_-]{12,}).*\/\\\\1\/p' \"\$TOUR\/created\" | head -n 1)/" \
            -e 's/^(strait service connect .*--from internet -- -c .select 1.)/REASON="refused|timed out|timeout|unreachable" must_fail \1/' \
            -e 's/^(strait reach .*)/REASON="create-route" must_fail \1/'
}

main
