#!/usr/bin/env bash
# packaging/strait.service under systemd itself, which is init of namespaces of its own here, on a copy of this machine's files that
# is thrown away: installed as docs/aws.md says, in front of a local cloud. Needs root, for systemd does. Status 77: not proved.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
: "${STRAIT_BIN:?names the program, built with the feature aws}"

main() {
    [ "$(id -u)" -eq 0 ] || not_proved "systemd needs root"
    [ -x /lib/systemd/systemd ] || not_proved "there is no systemd on this machine"
    MACHINE=$(mktemp -d /var/tmp/strait-systemd.XXXXXX)
    readonly MACHINE
    trap 'rm -rf --one-file-system "$MACHINE"' EXIT
    mkdir "$MACHINE"/{root,layers,out,input}
    cp -r demo packaging tests/systemd "$STRAIT_BIN" "$MACHINE/input/"
    # No cgroup of its own, no init: whoever makes such machines differently may forbid it.
    timeout 20 unshare --pid --mount --uts --ipc --net --cgroup --fork --kill-child true || not_proved "no namespaces for a machine of its own here"
    timeout --kill-after=5 240 unshare --pid --mount --uts --ipc --net --cgroup --fork --kill-child \
        tests/systemd/boot.sh "$MACHINE" </dev/null >"$MACHINE/boot.log" 2>&1 || true
    if [ ! -s "$MACHINE/out/steps" ]; then
        cat "$MACHINE/boot.log"
        echo "systemd did not come as far as the steps"
        exit 1
    fi
    cat "$MACHINE/out/steps"
    [ "$(cat "$MACHINE/out/status" 2>/dev/null)" = 0 ]
}

not_proved() {
    echo "NOT PROVED: $*"
    exit 77
}

main
