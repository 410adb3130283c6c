#!/usr/bin/env bash
# The AppArmor offer, with faked settings: it was not run on Ubuntu itself.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

ROOT=$(mktemp -d)
trap 'rm -rf "$ROOT"' EXIT
mkdir -p "$ROOT/proc/sys/kernel" "$ROOT/etc/apparmor.d" "$ROOT/bin"
SETTING="$ROOT/proc/sys/kernel/apparmor_restrict_unprivileged_userns"
printf '#!/bin/sh\necho "$0 $*" >>"%s/called"\n' "$ROOT" >"$ROOT/bin/apparmor_parser"
printf '#!/bin/sh\nexec "$@"\n' >"$ROOT/bin/sudo"
chmod +x "$ROOT/bin/"*
touch "$ROOT/called"

offer() {
    PATH="$ROOT/bin:$PATH" STRAIT_FAKE_ROOT="$ROOT" "$@" scripts/apparmor.sh /bin/true </dev/null
}

fail() {
    echo "  ✗ $1"
    exit 1
}

offer env >"$ROOT/said"
[ ! -s "$ROOT/said" ] || fail "a machine without the setting is asked nothing"
echo 0 >"$SETTING"
offer env >"$ROOT/said"
[ ! -s "$ROOT/said" ] || fail "a machine that does not restrict is asked nothing"
echo 1 >"$SETTING"
if offer env >"$ROOT/said"; then fail "without an answer nothing is installed"; fi
grep -q 'sudo tee /etc/apparmor.d/strait' "$ROOT/said" || fail "it says how to do it by hand"
[ ! -e "$ROOT/etc/apparmor.d/strait" ] || fail "nothing was to be installed"
offer env STRAIT_APPARMOR=yes >"$ROOT/said"
grep -q '^  userns,$' "$ROOT/etc/apparmor.d/strait" || fail "the profile gives user namespaces"
grep -q "profile strait $(realpath /bin/true) flags=(unconfined)" "$ROOT/etc/apparmor.d/strait" || fail "to this program alone"
grep -q "apparmor_parser -r $ROOT/etc/apparmor.d/strait" "$ROOT/called" || fail "and it was loaded"
offer env >"$ROOT/said"
[ ! -s "$ROOT/said" ] || fail "once it is there nothing is asked"
echo "  ✓ the AppArmor profile is offered where it is needed, and only there"
