#!/usr/bin/env bash
# moto's own tests, in its server mode, against a Strait of their own: `tests/clients/moto.sh [CHECKOUT]`.
# CHECKOUT is a checkout of getmoto/moto at 0af643a5; without one, the release of that day (5.2.3), which carries the same tests,
# is fetched with pip. `--prepare` only fetches. Status: 0 if exactly the expected ones fail, 1 if not, 77 not proved (the tests
# cannot be fetched).
# What is run is in moto/nodes.txt, what is expected to fail and why in moto/expected-failures.txt.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/moto"

: "${CARGO_TARGET_DIR:=$HOME/.cache/strait-target}"
: "${STRAIT_BIN:=$CARGO_TARGET_DIR/debug/strait}"
: "${STRAIT_MOTO:=${XDG_CACHE_HOME:-$HOME/.cache}/strait-moto}"
VENV="$STRAIT_MOTO/venv"
WORK=""

main() {
    local checkout="$STRAIT_MOTO/moto"
    prepare_venv
    case "${1:-}" in
    "" | --prepare) prepare_tests "$checkout" ;;
    *) checkout=$(realpath "$1") ;;
    esac
    (cd "$checkout" && sha256sum --quiet --check) <tests.sha256 >&2 ||
        die "these are not the tests of moto at 0af643a5: $checkout"
    [ "${1:-}" = --prepare ] || run "$checkout"
}

# What the tests import, and what moto's server needs (crates/strait-aws/tests/moto), at fixed versions.
prepare_venv() {
    if cmp -s requirements.txt "$STRAIT_MOTO/requirements.txt"; then
        return
    fi
    echo "moto: pytest and what moto imports into $VENV"
    mkdir -p "$STRAIT_MOTO"
    system_python -m venv --clear "$VENV" || not_proved "there is no Python with venv: make setup"
    timeout 300 "$VENV/bin/python3" -m pip install --quiet --requirement requirements.txt ||
        not_proved "what moto's tests import cannot be installed with pip"
    cp requirements.txt "$STRAIT_MOTO/requirements.txt"
}

# The release carries its tests; the hash of the archive is in source.txt.
prepare_tests() {
    local checkout=$1 fetched
    if cmp -s source.txt "$STRAIT_MOTO/source.txt"; then
        return
    fi
    echo "moto: its tests into $checkout"
    fetched=$(mktemp -d "$STRAIT_MOTO/fetch.XXXXXX")
    timeout 300 "$VENV/bin/python3" -m pip download --quiet --no-deps --no-binary moto --require-hashes \
        --requirement source.txt --dest "$fetched" || {
        rm -rf "$fetched"
        not_proved "moto's tests cannot be fetched with pip"
    }
    rm -rf "$checkout"
    mkdir "$checkout"
    tar -xzf "$fetched"/moto-*.tar.gz -C "$checkout" --strip-components=1
    rm -rf "$fetched"
    cp source.txt "$STRAIT_MOTO/source.txt"
}

run() {
    local checkout=$1 here=$PWD endpoint nodes
    WORK=$(mktemp -d /var/tmp/strait-moto.XXXXXX)
    trap clean EXIT
    export STRAIT_DATA_DIR="$WORK/data"
    timeout 90 "$STRAIT_BIN" up --detach --test-hooks --http 127.0.0.1:0 --aws 127.0.0.1:0
    endpoint=$(timeout 20 "$STRAIT_BIN" env --account 123456789012 --format json | jq -r .AWS_ENDPOINT_URL)
    mapfile -t nodes < <(grep -v '^#' nodes.txt)
    [ "${#nodes[@]}" -gt 0 ] || die "nodes.txt lists no nodes"
    # pytest's own status is of no interest: some nodes are expected to fail.
    (
        cd "$checkout"
        for name in "${!AWS_@}"; do unset "$name"; done
        export PYTHONPATH=".:$here" PYTHONDONTWRITEBYTECODE=1 NO_PROXY=127.0.0.1 no_proxy=127.0.0.1
        export TEST_SERVER_MODE=true TEST_SERVER_MODE_ENDPOINT="$endpoint"
        export AWS_CONFIG_FILE=/dev/null AWS_SHARED_CREDENTIALS_FILE=/dev/null AWS_EC2_METADATA_DISABLED=true
        export AWS_DEFAULT_REGION=us-east-1
        timeout 900 "$VENV/bin/python3" -m pytest -q -p dice -p no:cacheprovider --color=no --tb=short --no-header --no-summary \
            -o junit_family=xunit1 --junitxml="$WORK/report.xml" "${nodes[@]}"
    ) || true
    "$VENV/bin/python3" -B "$here/judge.py" "$WORK/report.xml" "$here/nodes.txt" "$here/expected-failures.txt"
}

clean() {
    timeout 60 "$STRAIT_BIN" down >/dev/null || echo "moto: could not end the Strait of $STRAIT_DATA_DIR" >&2
    rm -rf "$WORK"
}

# Debian's own: another one first on the PATH may be readable by one user only.
system_python() {
    if [ -x /usr/bin/python3 ]; then
        /usr/bin/python3 "$@"
    else
        python3 "$@"
    fi
}

not_proved() {
    echo "NOT PROVED: $*"
    exit 77
}

die() {
    echo "moto: $*" >&2
    exit 1
}

main "$@"
