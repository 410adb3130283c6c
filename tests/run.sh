#!/usr/bin/env bash
# The tests of the whole: the story, the AWS clients, a crash, bad input, the set-up. `tests/run.sh story crash` runs some; a module of
# tests/clients, a class or a test of one, is a part too. Several at once: most of the time they wait.
# As an ordinary user: as ourselves, or, when we are root, as users strait-test-1, -2 and so on, with copies of all that it takes;
# `as-root` and `systemd` are for root.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$HOME/.cache/strait-target}"
: "${STRAIT_BIN:=$CARGO_TARGET_DIR/debug/strait}"
: "${STRAIT_CLIENTS:=${XDG_CACHE_HOME:-$HOME/.cache}/strait-clients}"
: "${STRAIT_CONSOLE:=${XDG_CACHE_HOME:-$HOME/.cache}/strait-console}"
: "${STRAIT_MOTO:=${XDG_CACHE_HOME:-$HOME/.cache}/strait-moto}"
: "${STRAIT_TIGER:=${XDG_CACHE_HOME:-$HOME/.cache}/strait-tiger}"
: "${STRAIT_TEST_USER:=strait-test}"
: "${STRAIT_TESTS_AT_ONCE:=$(($(nproc) * 2))}"

# A crash first: an ordinary user runs it alone. Then what takes longest, so that nothing long is left for the end.
ALL=(crash crates aws story console soak kills faults as-root clients moto backup bad-input full-disk systemd tour wire setup)
# The stories in front of three clouds, and what else there is of AWS.
AWS=(test_on_aws.Faults test_on_aws.Steady test_on_aws_servers.Servers test_on_aws_frozen.Frozen.test_moves_and_lists test_on_aws.Living test_on_aws_moments
    test_on_aws_outage test_in_process test_on_aws_services test_on_aws.Story test_on_aws_frozen.Frozen.test_what_begins_and_ends test_on_aws_places
    test_on_aws_servers.Watched test_on_aws.Peerings test_on_aws_certificates test_on_aws_guide test_on_moto test_on_moto_rds test_on_moto_guide)
CLIENTS=(test_moves test_children test_users test_audit test_quota test_allow test_balancers test_rules_groups test_rules_endpoints test_names test_aws test_aws_errors test_internet test_load
    test_route53 test_sts test_rules_{vpc,ipv6,routes,peering,generic})
FAULTS=(test_steps.Steps.test_moves_stops_starts_lists_and_passwords test_steps.Steps.test_vpcs_peerings_and_services_begin_and_end)
# The tests of the crates that take long, each a part: `crates` is all.
CRATES=(api moto plane packets agreement processes)
# Tiger Cloud's own clients, and what takes its extension: `make test-clients`.
TIGER=(tiger terraform schemathesis timescaledb)
KILLS=(test_faults.Faults.test_at_random_moments test_faults.Faults.test_what_knocks_would_notice)

NOT_PROVED=77
# All faults of the AWS APIs one after another take an hour: `make test-long`.
PART_SECONDS=$([ -n "${STRAIT_LONG:-}" ] && echo 7200 || echo 1500)
STAGE=""
# What a part's programs are told: folders and ports of their own.
PLACES=()

main() {
    local wanted=("$@") parts=() part
    [ "${#wanted[@]}" -gt 0 ] || wanted=("${ALL[@]}")
    for part in "${wanted[@]}"; do
        mapfile -t -O "${#parts[@]}" parts < <(members "$part")
    done
    if [ "$#" -eq 0 ]; then
        nothing_is_left_out "${parts[@]}"
        mapfile -t parts < <(mixed "${parts[@]}")
    fi
    for part in "${parts[@]}"; do
        known "$part" || die "no such test: $part (there are: ${ALL[*]}, and the modules of tests/clients)"
    done
    trap clean EXIT
    trap 'exit 130' INT TERM
    prepare "${parts[@]}"
    at_once "${parts[@]}"
}

# What a name stands for.
members() {
    case "$1" in
    crates) printf 'crates-%s\n' "${CRATES[@]}" rest ;;
    aws) printf '%s\n' "${AWS[@]}" ;;
    clients) printf '%s\n' "${CLIENTS[@]}" ;;
    faults) printf '%s\n' "${FAULTS[@]}" ;;
    kills) printf '%s\n' "${KILLS[@]}" ;;
    soak) echo test_soak ;;
    *) echo "$1" ;;
    esac
}

# What waits most of the time (AWS) beside what works: one of the former for two of the latter, in their orders.
mixed() {
    local works=() waits=() part
    for part in "$@"; do
        if [[ " ${AWS[*]} " == *" $part "* ]]; then
            waits+=("$part")
        else
            works+=("$part")
        fi
    done
    while [ "${#works[@]}" -gt 0 ] || [ "${#waits[@]}" -gt 0 ]; do
        for part in "${works[@]:0:2}" "${waits[@]:0:1}"; do
            echo "$part"
        done
        works=("${works[@]:2}") waits=("${waits[@]:1}")
    done
}

# Of the clients' tests; those of the console have a part of their own.
nothing_is_left_out() {
    STRAIT_BIN="$STRAIT_BIN" PATH="$STRAIT_CLIENTS/bin:$PATH" timeout 60 "$STRAIT_CLIENTS/bin/python3" -B tests/clients/unlisted.py "$@" unittest.loader._FailedTest.test_{browser,console,console_live}
}

known() {
    case "$1" in
    test_*) [ -f "tests/clients/${1%%.*}.py" ] ;;
    crates-*) [[ " ${CRATES[*]} rest " == *" ${1#crates-} "* ]] ;;
    *) [[ " ${ALL[*]} ${TIGER[*]} " == *" $1 "* ]] ;;
    esac
}

# A stage that the ordinary users read: the program, the scripts, the clients. Not below /tmp: what runs in an instance
# has a /tmp of its own, and the AWS CLI is run there too.
prepare() {
    STAGE=$(mktemp -d /var/tmp/strait-stage.XXXXXX)
    chmod 755 "$STAGE"
    mkdir "$STAGE/data" "$STAGE/log"
    [[ " $* " != *moto* ]] || tests/clients/moto.sh --prepare || [ $? -eq "$NOT_PROVED" ]
    [[ " $* " != *console* && " $* " != *test_browser* ]] || tests/clients/console.sh --prepare || [ $? -eq "$NOT_PROVED" ]
    [ "$(id -u)" -eq 0 ] || return 0
    mkdir "$STAGE/src"
    cp -r demo docs packaging tests scripts README.md "$STAGE/src/"
    cp "$STRAIT_BIN" "$STAGE/strait"
    cp -a "$STRAIT_CLIENTS" "$STAGE/clients"
    sed -i "1s|.*|#!$STAGE/clients/bin/python3|" "$STAGE/clients/bin/aws"
    if [ -f "$STRAIT_MOTO/source.txt" ]; then
        mkdir "$STAGE/moto"
        cp -a "$STRAIT_MOTO"/{venv,moto,requirements.txt,source.txt} "$STAGE/moto/"
    fi
    [ ! -f "$STRAIT_CONSOLE/requirements.txt" ] || cp -a "$STRAIT_CONSOLE" "$STAGE/console"
    chmod -R a+rX "$STAGE"
}

# Runs parts, as many at once as there are places, and prints each as it ends.
at_once() {
    local places=() waiting=("$@") running=() part place pid status=0 passed=0 failed=() unproved=()
    declare -A part_of place_of since
    mapfile -t places < <(seq "$STRAIT_TESTS_AT_ONCE")
    while [ "${#waiting[@]}" -gt 0 ] || [ "${#running[@]}" -gt 0 ]; do
        while [ "${#waiting[@]}" -gt 0 ] && [ "${#places[@]}" -gt 0 ] && may_begin "${waiting[0]}" "${part_of[@]:-}"; do
            part=${waiting[0]} place=${places[0]}
            waiting=("${waiting[@]:1}") places=("${places[@]:1}")
            run_one "$part" "$place" >"$STAGE/log/$part" 2>&1 &
            part_of[$!]=$part place_of[$!]=$place since[$!]=$SECONDS
            running+=("$!")
        done
        status=0
        wait -n -p pid "${running[@]}" || status=$?
        part=${part_of[$pid]}
        printf '\n== tests: %s\n' "$part"
        cat "$STAGE/log/$part"
        printf '== tests: %s took %d s\n' "$part" "$((SECONDS - since[$pid]))"
        case "$status" in
        0) passed=$((passed + 1)) ;;
        "$NOT_PROVED") unproved+=("$part") ;;
        *) failed+=("$part") ;;
        esac
        places+=("${place_of[$pid]}")
        unset "part_of[$pid]"
        running=("${!part_of[@]}")
    done
    [ "${#unproved[@]}" -eq 0 ] || printf '\nNOT PROVED: %s\n' "${unproved[*]}"
    [ "${#failed[@]}" -eq 0 ] || printf '\nFAILED: %s\n' "${failed[*]}"
    printf '\n%d passed, %d failed, %d not proved, in %d s\n' "$passed" "${#failed[@]}" "${#unproved[@]}" "$SECONDS"
    [ "${#failed[@]}" -eq 0 ]
}

# may_begin PART RUNNING…: a crash is looked for in all that its user left, so without a user of its own it runs alone.
may_begin() {
    local part=$1 others=("${@:2}")
    [ "$(id -u)" -ne 0 ] || return 0
    [ -n "${others[*]}" ] || return 0
    [ "$part" != crash ] && [[ " ${others[*]} " != *" crash "* ]]
}

# run_one PART PLACE
run_one() {
    local data="$STAGE/data/$1" user="$STRAIT_TEST_USER-$2"
    if [ "$(id -u)" -eq 0 ] && [ "$1" != as-root ]; then
        id -u "$user" >/dev/null 2>&1 || useradd --system --create-home --shell /bin/bash "$user"
        install -d -o "$user" -g "$user" "$data"
    else
        mkdir -p "$data"
    fi
    PLACES=(STRAIT_DATA_DIR="$data/strait" STRAIT_DEMO_DIR="$data/story" STRAIT_HTTP_WANTED=127.0.0.1:0 STRAIT_AWS_WANTED=127.0.0.1:0)
    case "$1" in
    crates-*) crates "${1#crates-}" ;;
    tiger) tigers "$user" tiger tiger test_tiger ;;
    terraform) tigers "$user" provider provider test_terraform ;;
    schemathesis) schemathesis ;;
    timescaledb) timescaledb "$user" ;;
    setup) timeout 120 tests/setup.sh ;;
    wire) wire ;;
    story) ordinary "$user" 900 demo/story.sh ;;
    as-root) story_as_root ;;
    console) ordinary "$user" 900 tests/clients/console.sh ;;
    test_console* | test_browser*) ordinary "$user" 900 tests/clients/console.sh "$1" ;;
    moto) ordinary "$user" 300 tests/clients/moto.sh ;;
    crash) ordinary "$user" 600 tests/crash.sh ;;
    backup) ordinary "$user" 300 tests/backup.sh ;;
    full-disk) ordinary "$user" 300 tests/full-disk.sh ;;
    systemd) STRAIT_BIN="$STRAIT_BIN" timeout -k 10 300 tests/systemd.sh ;;
    tour) ordinary "$user" 300 tests/tour.sh ;;
    bad-input) ordinary "$user" 600 tests/bad-input.sh ;;
    test_soak*) ordinary "$user" $((${STRAIT_SOAK_SECONDS:-120} + 300)) tests/clients/run.sh "$1" ;;
    test_on_moto*) on_moto "$user" "$1" ;;
    test_*) ordinary "$user" "$PART_SECONDS" tests/clients/run.sh "$1" ;;
    esac
}

# crates PART: packets in namespaces, the plane on a PostgreSQL, …; `rest`: unit tests, and all that has no part of its own.
crates() {
    local tests=(--test "$1") all=(--quiet --workspace --features strait/aws,strait/failpoints --locked)
    if [ "$1" = rest ]; then
        tests=(--lib --bins)
        mapfile -t -O 2 tests < <(cargo metadata --no-deps --format-version 1 --locked |
            jq -r '.packages[].targets[] | select(.kind == ["test"]).name' | grep -vxF "$(printf '%s\n' "${CRATES[@]}")" | sed 's/^/--test=/')
        [ "${#tests[@]}" -gt 2 ] || die "cargo does not tell which tests there are"
    fi
    timeout 2400 cargo test "${all[@]}" "${tests[@]}" || return
    [ "$1" != rest ] || timeout 1200 cargo test "${all[@]}" --doc
}

# Every call that there is, in memory, against botocore's own shapes.
wire() {
    # With the features of all tests, so that nothing is built twice.
    timeout 300 cargo build --quiet --locked --workspace --features strait/aws,strait/failpoints --example serve
    PATH="$STRAIT_CLIENTS/bin:$PATH" timeout 300 "$STRAIT_CLIENTS/bin/python3" -B \
        crates/strait-wire/tests/clients/boto3_smoke.py "$CARGO_TARGET_DIR/debug/examples/serve"
}

# tigers USER PART FILE MODULE: one of Tiger Cloud's own clients against a Strait of its own.
tigers() {
    local user=$1 part=$2 file=$3 module=$4
    STRAIT_TIGER="$STRAIT_TIGER" tests/tiger/prepare.sh "$part" || return
    if [ "$(id -u)" -eq 0 ]; then
        mkdir -p "$STAGE/tiger"
        cp -a "$STRAIT_TIGER/$file" "$STAGE/tiger/"
        chmod -R a+rX "$STAGE/tiger"
    fi
    ordinary "$user" 400 tests/tiger/run.sh "$module"
}

# Requests made from the OpenAPI document, against the whole API over a cloud that only pretends.
schemathesis() {
    STRAIT_TIGER="$STRAIT_TIGER" tests/tiger/prepare.sh schemathesis || return
    # With the features of all tests, so that nothing is built twice.
    timeout 900 cargo build --quiet --locked --workspace --features strait/aws,strait/failpoints --example pretend || return
    STRAIT_TIGER="$STRAIT_TIGER" timeout 320 tests/tiger/schemathesis.sh "$CARGO_TARGET_DIR/debug/examples/pretend"
}

# A TIMESCALEDB service, where the PostgreSQL that makes services has the extension.
timescaledb() {
    tests/tiger/prepare.sh timescaledb || return
    ordinary "$1" 300 tests/tiger/run.sh test_timescaledb
}

# In front of moto's server.
on_moto() {
    tests/clients/moto.sh --prepare || return
    ordinary "$1" "$PART_SECONDS" tests/clients/run.sh "$2"
}

# Root is a user that Strait supports too; PostgreSQL refuses it, so this is another way through the program.
story_as_root() {
    if [ "$(id -u)" -ne 0 ]; then
        echo "not root here: this one runs where the tests are started as root"
        return 0
    fi
    env "${PLACES[@]}" STRAIT_BIN="$STRAIT_BIN" STRAIT_STORY_DOWN=1 timeout 900 demo/story.sh
}

# ordinary USER SECONDS SCRIPT [ARGUMENT…]: runs a script of ours as an ordinary user.
ordinary() {
    local user=$1 limit=$2 script=$3
    shift 3
    if [ "$(id -u)" -ne 0 ]; then
        env "${PLACES[@]}" STRAIT_BIN="$STRAIT_BIN" STRAIT_CLIENTS="$STRAIT_CLIENTS" STRAIT_CONSOLE="$STRAIT_CONSOLE" STRAIT_MOTO="$STRAIT_MOTO" STRAIT_TIGER="$STRAIT_TIGER" STRAIT_STORY_DOWN=1 \
            STRAIT_CLIENTS_SECONDS="$limit" timeout "$limit" "$script" "$@"
        return
    fi
    cd "$STAGE/src"
    timeout "$limit" setpriv --reuid "$user" --regid "$user" --init-groups --inh-caps=-all --bounding-set=-all \
        env -i HOME="$(getent passwd "$user" | cut -d: -f6)" USER="$user" PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin \
        TMPDIR=/tmp TERM="${TERM:-dumb}" \
        STRAIT_BIN="$STAGE/strait" STRAIT_CLIENTS="$STAGE/clients" STRAIT_CONSOLE="$STAGE/console" STRAIT_MOTO="$STAGE/moto" STRAIT_TIGER="$STAGE/tiger" STRAIT_STORY_DOWN=1 \
        "${PLACES[@]}" STRAIT_PG_BIN="${STRAIT_PG_BIN:-}" STRAIT_SOAK_SECONDS="${STRAIT_SOAK_SECONDS:-}" STRAIT_SOAK_SEED="${STRAIT_SOAK_SEED:-0}" STRAIT_FAULT_SEED="${STRAIT_FAULT_SEED:-0}" STRAIT_LONG="${STRAIT_LONG:-}" STRAIT_CLIENTS_SECONDS="$limit" "$script" "$@"
}

# A script that broke off may have left a Strait running on the stage.
clean() {
    local job data
    [ -n "$STAGE" ] || return 0
    # What a part runs is below a `timeout`, which passes a signal on.
    for job in $(jobs -p); do
        xargs -r kill <"/proc/$job/task/$job/children" 2>/dev/null || true
    done
    wait || true
    for data in "$STAGE"/data/*/*; do
        if [ -d "$data/run" ]; then
            down_as "$(stat -c %U "$data")" "$data" >/dev/null 2>&1 || echo "could not end the Strait of $data" >&2
        fi
    done
    rm -rf "$STAGE"
    STAGE=""
}

# down_as USER DATA
down_as() {
    if [ "$1" = "$(id -un)" ]; then
        STRAIT_DATA_DIR="$2" timeout 60 "$STRAIT_BIN" down
    else
        timeout 60 setpriv --reuid "$1" --regid "$1" --init-groups \
            env -i PATH=/usr/bin:/bin:/usr/sbin:/sbin HOME=/ STRAIT_DATA_DIR="$2" "$STAGE/strait" down
    fi
}

die() {
    echo "tests: $*" >&2
    exit 1
}

main "$@"
