#!/usr/bin/env bash
# Installs what Strait, its demo and its tests need and this machine lacks. Says what it does; removes nothing.
# `--with-browser`: Chromium too, which the tests of the console click in.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"
CLIENTS="${XDG_CACHE_HOME:-$HOME/.cache}/strait-clients"
REQUIREMENTS="tests/clients/requirements.txt"

main() {
    check_cargo
    install_packages
    install_clients
    [ "${1:-}" != --with-browser ] || install_browser
    warn_of_apparmor
}

check_cargo() {
    if command -v cargo >/dev/null; then
        return
    fi
    die "there is no Rust toolchain (1.90 or newer): install it from https://rustup.rs and open a new shell"
}

install_packages() {
    local missing=()
    has_postgres || missing+=(postgresql postgresql-contrib)
    command -v psql >/dev/null || missing+=(postgresql-client)
    command -v nft >/dev/null || missing+=(nftables)
    command -v ip >/dev/null || missing+=(iproute2)
    command -v cc >/dev/null || missing+=(build-essential)
    command -v curl >/dev/null || missing+=(curl)
    command -v jq >/dev/null || missing+=(jq)
    system_python -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3 python3-venv)
    [ -s /etc/ssl/certs/ca-certificates.crt ] || missing+=(ca-certificates)
    if [ "${#missing[@]}" -eq 0 ]; then
        return
    fi
    command -v apt-get >/dev/null || die "missing: ${missing[*]} (names of Debian's packages). This script knows Debian and Ubuntu only: install them with your own package manager"
    echo "setup: installing Debian packages: ${missing[*]}"
    as_root timeout 300 apt-get update -qq
    case " ${missing[*]} " in
    *" postgresql "*) forbid_own_cluster ;;
    esac
    apt_install "${missing[@]}"
    has_postgres || die "no PostgreSQL 15 or newer among this machine's packages: add https://apt.postgresql.org, or set STRAIT_PG_BIN to a folder with initdb and postgres"
}

# Debian starts a cluster of its own when PostgreSQL is installed, on the port that people use. Strait needs the programs only.
forbid_own_cluster() {
    local config=/etc/postgresql-common/createcluster.conf
    apt_install postgresql-common
    if grep -Eq "^create_main_cluster *= *false" "$config"; then
        return
    fi
    echo "setup: create_main_cluster = false in $config, so that no cluster besides Strait's is made"
    as_root sed -i -E "s/^#? *create_main_cluster *=.*/create_main_cluster = false/" "$config"
    grep -Eq "^create_main_cluster *= *false" "$config" || echo "create_main_cluster = false" | as_root tee -a "$config" >/dev/null
}

# The AWS CLI and boto3, unmodified, in a virtual environment: Debian 12's own awscli does not heed AWS_ENDPOINT_URL.
install_clients() {
    local stamp="$CLIENTS/requirements.txt"
    if cmp -s "$REQUIREMENTS" "$stamp" && "$CLIENTS/bin/python3" -c 'import awscli, boto3' 2>/dev/null; then
        return
    fi
    echo "setup: AWS CLI and boto3 into $CLIENTS"
    system_python -m venv --clear "$CLIENTS"
    timeout 600 "$CLIENTS/bin/python3" -m pip install --quiet --requirement "$REQUIREMENTS"
    cp "$REQUIREMENTS" "$stamp"
}

# Without it the console's tests say that they prove nothing.
install_browser() {
    if command -v chromium >/dev/null && command -v chromedriver >/dev/null; then
        return
    fi
    echo "setup: installing Debian packages: chromium chromium-driver"
    as_root timeout 300 apt-get update -qq && apt_install chromium chromium-driver fonts-dejavu-core ||
        echo "setup: no Chromium with its driver to be had (on Ubuntu they are snaps): the console's tests will prove nothing here"
}

warn_of_apparmor() {
    local setting=/proc/sys/kernel/apparmor_restrict_unprivileged_userns
    if [ "$(id -u)" -eq 0 ] || [ "$(cat "$setting" 2>/dev/null || echo 0)" != 1 ]; then
        return
    fi
    echo "setup: AppArmor takes user namespaces from programs without a profile here (Ubuntu 24.04 does)."
    echo "       \`strait up\` prints the command that lets this one program use them; nothing else changes."
}

has_postgres() {
    local bin
    for bin in "${STRAIT_PG_BIN:-}" /usr/lib/postgresql/*/bin; do
        if [ -x "$bin/initdb" ] && [ -x "$bin/postgres" ] && [ "$("$bin/postgres" -V | grep -Eo '[0-9]+' | head -n 1)" -ge 15 ]; then
            return 0
        fi
    done
    return 1
}

# Debian's own: another one first on the PATH may be readable by one user only.
system_python() {
    if [ -x /usr/bin/python3 ]; then
        /usr/bin/python3 "$@"
    else
        python3 "$@"
    fi
}

apt_install() {
    as_root env DEBIAN_FRONTEND=noninteractive timeout 900 apt-get install -y -qq --no-install-recommends "$@" </dev/null
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
        return
    fi
    command -v sudo >/dev/null || die "needs root once, to install packages, and there is no sudo: run as root: apt-get install -y postgresql postgresql-contrib nftables iproute2 build-essential curl jq python3-venv ca-certificates"
    sudo "$@"
}

die() {
    echo "setup: $*" >&2
    exit 1
}

main "$@"
