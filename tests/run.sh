#!/usr/bin/env bash
# The tests of the whole: the story, the AWS clients, a crash, bad input, the set-up. `tests/run.sh story crash` runs some.
# As an ordinary user: as ourselves, or, when we are root, as the user strait-test, with copies of all that it takes.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

: "${CARGO_TARGET_DIR:=$HOME/.cache/strait-target}"
: "${STRAIT_BIN:=$CARGO_TARGET_DIR/debug/strait}"
: "${STRAIT_CLIENTS:=${XDG_CACHE_HOME:-$HOME/.cache}/strait-clients}"
: "${STRAIT_MOTO:=${XDG_CACHE_HOME:-$HOME/.cache}/strait-moto}"
# Two that run at once need a user each.
: "${STRAIT_TEST_USER:=strait-test}"
ALL=(setup wire bad-input story tour clients faults aws moto crash backup full-disk as-root)
NOT_PROVED=77
# All faults of the AWS APIs one after another take an hour: `make test-long`.
AWS_SECONDS=$([ -n "${STRAIT_LONG:-}" ] && echo 7200 || echo 1800)
FAULTS_SECONDS=$([ -n "${STRAIT_LONG:-}" ] && echo 3600 || echo 900)
STAGE=""

main() {
    local wanted=("$@") passed=0 failed=0 unproved=0 status name started
    [ "${#wanted[@]}" -gt 0 ] || wanted=("${ALL[@]}")
    prepare
    for name in "${wanted[@]}"; do
        printf '\n== tests: %s\n' "$name"
        status=0
        started=$SECONDS
        run_one "$name" || status=$?
        printf '== tests: %s took %d s\n' "$name" "$((SECONDS - started))"
        case "$status" in
        0) passed=$((passed + 1)) ;;
        "$NOT_PROVED")
            unproved=$((unproved + 1))
            printf '== tests: %s NOT PROVED\n' "$name"
            ;;
        *)
            failed=$((failed + 1))
            printf '== tests: %s FAILED\n' "$name"
            ;;
        esac
    done
    clean
    printf '\n%d passed, %d failed, %d not proved\n' "$passed" "$failed" "$unproved"
    [ "$failed" -eq 0 ]
}

# A stage that the ordinary user reads: the program, the scripts, the clients. Not below /tmp: what runs in an instance
# has a /tmp of its own, and the AWS CLI is run there too.
prepare() {
    STAGE=$(mktemp -d /var/tmp/strait-stage.XXXXXX)
    chmod 755 "$STAGE"
    trap clean EXIT
    mkdir "$STAGE/data"
    if [ "$(id -u)" -ne 0 ]; then
        return
    fi
    id -u "$STRAIT_TEST_USER" >/dev/null 2>&1 || useradd --system --create-home --shell /bin/bash "$STRAIT_TEST_USER"
    mkdir "$STAGE/src"
    cp -r demo tests scripts README.md "$STAGE/src/"
    cp "$STRAIT_BIN" "$STAGE/strait"
    cp -a "$STRAIT_CLIENTS" "$STAGE/clients"
    sed -i "1s|.*|#!$STAGE/clients/bin/python3|" "$STAGE/clients/bin/aws"
    chmod -R a+rX "$STAGE"
    chown "$STRAIT_TEST_USER:" "$STAGE/data"
}

run_one() {
    case "$1" in
    setup) timeout 120 tests/setup.sh ;;
    wire) wire ;;
    story) STRAIT_STORY_DOWN=1 STRAIT_DEMO_DIR="$STAGE/data/story" ordinary 900 demo/story.sh ;;
    clients) ordinary 1260 tests/clients/run.sh ;;
    aws) on_aws ;;
    faults) ordinary 600 tests/clients/run.sh test_faults.Faults.test_{the_server_ends_at_each_step,vpcs_peerings_and_services_begin_and_end_through_it_all} ;;
    kills) ordinary "$FAULTS_SECONDS" tests/clients/run.sh test_faults.Faults.test_at_random_moments ;;
    soak) ordinary $((${STRAIT_SOAK_SECONDS:-120} + 300)) tests/clients/run.sh test_soak ;;
    moto) moto ;;
    crash) STRAIT_DATA_DIR="$STAGE/data/crash" ordinary 600 tests/crash.sh ;;
    backup) STRAIT_DATA_DIR="$STAGE/data/backup" ordinary 300 tests/backup.sh ;;
    full-disk) STRAIT_DATA_DIR="$STAGE/data/full-disk" ordinary 300 tests/full-disk.sh ;;
    tour) STRAIT_DATA_DIR="$STAGE/data/tour" ordinary 300 tests/tour.sh ;;
    bad-input) STRAIT_DATA_DIR="$STAGE/data/bad" ordinary 600 tests/bad-input.sh ;;
    as-root) story_as_root ;;
    *)
        echo "no such test: $1 (there are: ${ALL[*]})" >&2
        return 1
        ;;
    esac
}

# Every call that there is, in memory, against botocore's own shapes.
wire() {
    # With the features of all tests, so that nothing is built twice.
    timeout 300 cargo build --quiet --locked --workspace --features strait/aws,strait/failpoints --example serve
    PATH="$STRAIT_CLIENTS/bin:$PATH" timeout 300 "$STRAIT_CLIENTS/bin/python3" -B \
        crates/strait-wire/tests/clients/boto3_smoke.py "$CARGO_TARGET_DIR/debug/examples/serve"
}

# The same stories three times, where the plane is one with its cloud and by `strait server` in front of clouds that it knows by the
# AWS APIs only, and what else there is of these. All at once: most of the time they wait.
on_aws() {
    local status=0 index pids=() parts=("test_in_process" "test_on_aws.Faults" "test_on_aws.Story test_on_aws.Steady"
        "test_on_aws_services test_on_aws_places test_on_aws_certificates" test_on_aws_servers)
    stage_moto || status=$?
    [ "$status" -ne 0 ] || parts+=("test_on_moto test_on_moto_rds")
    for index in "${!parts[@]}"; do
        # shellcheck disable=SC2086
        ordinary "$AWS_SECONDS" tests/clients/run.sh ${parts[index]} >"$STAGE/aws-$index.log" 2>&1 &
        pids+=($!)
    done
    for index in "${!parts[@]}"; do
        wait "${pids[index]}" || status=1
        printf '\n-- %s\n' "${parts[index]}"
        cat "$STAGE/aws-$index.log"
    done
    return "$status"
}

# moto's own tests.
moto() {
    stage_moto || return
    ordinary 300 tests/clients/moto.sh
}

# The ordinary user reads what was fetched from a copy.
stage_moto() {
    tests/clients/moto.sh --prepare || return
    if [ "$(id -u)" -eq 0 ] && [ ! -d "$STAGE/moto" ]; then
        mkdir "$STAGE/moto"
        cp -a "$STRAIT_MOTO"/{venv,moto,requirements.txt,source.txt} "$STAGE/moto/" || return
        chmod -R a+rX "$STAGE/moto"
    fi
}

# Root is a user that Strait supports too; PostgreSQL refuses it, so this is another way through the program.
story_as_root() {
    if [ "$(id -u)" -ne 0 ]; then
        echo "not root here: this one runs where the tests are started as root"
        return 0
    fi
    STRAIT_BIN="$STRAIT_BIN" STRAIT_STORY_DOWN=1 STRAIT_DEMO_DIR="$STAGE/root-story" timeout 900 demo/story.sh
}

# ordinary SECONDS SCRIPT [ARGUMENT…]: runs a script of ours as an ordinary user.
ordinary() {
    local limit=$1 script=$2 home
    shift 2
    if [ "$(id -u)" -ne 0 ]; then
        STRAIT_BIN="$STRAIT_BIN" STRAIT_CLIENTS="$STRAIT_CLIENTS" STRAIT_MOTO="$STRAIT_MOTO" \
            STRAIT_CLIENTS_SECONDS="$limit" timeout "$limit" "$script" "$@"
        return
    fi
    home=$(getent passwd "$STRAIT_TEST_USER" | cut -d: -f6)
    (
        cd "$STAGE/src"
        timeout "$limit" setpriv --reuid "$STRAIT_TEST_USER" --regid "$STRAIT_TEST_USER" --init-groups --inh-caps=-all --bounding-set=-all \
            env -i HOME="$home" USER="$STRAIT_TEST_USER" PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin TMPDIR=/tmp TERM="${TERM:-dumb}" \
            STRAIT_BIN="$STAGE/strait" STRAIT_CLIENTS="$STAGE/clients" STRAIT_MOTO="$STAGE/moto" STRAIT_STORY_DOWN="${STRAIT_STORY_DOWN:-}" \
            ${STRAIT_DEMO_DIR:+STRAIT_DEMO_DIR="$STRAIT_DEMO_DIR"} ${STRAIT_DATA_DIR:+STRAIT_DATA_DIR="$STRAIT_DATA_DIR"} \
            STRAIT_SOAK_SECONDS="${STRAIT_SOAK_SECONDS:-}" STRAIT_LONG="${STRAIT_LONG:-}" STRAIT_CLIENTS_SECONDS="$limit" "$script" "$@"
    )
}

# A script that broke off may have left a Strait running on the stage.
clean() {
    local data
    [ -n "$STAGE" ] || return 0
    for data in "$STAGE"/data/* "$STAGE/root-story"; do
        if [ -d "$data/run" ]; then
            STRAIT_DATA_DIR="$data" ordinary_down "$data" >/dev/null 2>&1 || echo "could not end the Strait of $data" >&2
        fi
    done
    rm -rf "$STAGE"
    STAGE=""
}

ordinary_down() {
    if [ "$1" = "$STAGE/root-story" ] || [ "$(id -u)" -ne 0 ]; then
        STRAIT_DATA_DIR="$1" timeout 60 "$STRAIT_BIN" down
    else
        timeout 60 setpriv --reuid "$STRAIT_TEST_USER" --regid "$STRAIT_TEST_USER" --init-groups \
            env -i PATH=/usr/bin:/bin:/usr/sbin:/sbin HOME=/ STRAIT_DATA_DIR="$1" "$STAGE/strait" down
    fi
}

main "$@"
