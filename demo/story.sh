#!/usr/bin/env bash
# The story: a PostgreSQL service moves from the internet into a private VPC that only a peered customer reaches. Every
# line is proved by packets, through the interfaces that users have: strait, the AWS CLI, curl, psql.
# STRAIT_STORY_DOWN=1 ends Strait afterwards; STRAIT_DEMO_DIR names the data folder, which is emptied first.
STRAIT_DATA_DIR="${STRAIT_DEMO_DIR:-${XDG_DATA_HOME:-$HOME/.local/share}/strait-demo}"
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

FAR_REGION=eu-central-1
FIRST=10.80.0.0/17    # the Peering VPC
SECOND=10.81.0.0/20   # where the service moves to
THIRD=10.82.0.0/20    # for a customer whose range is taken on the first

main() {
    start
    . "$HERE/demo/steps/1-service.sh"
    . "$HERE/demo/steps/2-vpc.sh"
    . "$HERE/demo/steps/3-customer.sh"
    . "$HERE/demo/steps/4-request.sh"
    . "$HERE/demo/steps/5-customers-half.sh"
    . "$HERE/demo/steps/6-attach.sh"
    . "$HERE/demo/steps/7-refusals.sh"
    . "$HERE/demo/steps/8-moves.sh"
    finish
}

start() {
    section 0 "Strait starts"
    mkdir -p "$(dirname "$STRAIT_DATA_DIR")"
    wipe_data_dir
    choose_ports
    "$HERE/scripts/apparmor.sh" "$STRAIT_BIN" || true # `strait up` then says what is missing
    prove 0.1 "strait up" "the REST API and the AWS APIs answer" start_strait
    know_accounts
}

# The usual ports, so that what a person tries next is short; others when those are taken.
choose_ports() {
    if ! (exec 3<>/dev/tcp/127.0.0.1/8470) 2>/dev/null && ! (exec 3<>/dev/tcp/127.0.0.1/8471) 2>/dev/null; then
        : "${STRAIT_HTTP_WANTED:=127.0.0.1:8470}" "${STRAIT_AWS_WANTED:=127.0.0.1:8471}"
    fi
}

finish() {
    printf '\n%d proofs in %s s, every one by packets or by an answer that was read.\n' "$PROOFS" "$(seconds_since "$STARTED")"
    if [ "${STRAIT_STORY_DOWN:-}" = 1 ]; then
        strait down
        return
    fi
    cat <<TEXT

Strait goes on running. In a new shell, try:

    export STRAIT_DATA_DIR=$STRAIT_DATA_DIR PATH=$(dirname "$STRAIT_BIN"):$STRAIT_CLIENTS/bin:\$PATH
    strait service list
    strait service connect orders --from internet     # password: ${PASSWORD[orders]}
    strait reach app billing                          # the walk of a packet
    eval "\$(strait env --account customer)" && aws ec2 describe-vpc-peering-connections
    strait down                                       # ends it; the data stays
TEXT
}

main
