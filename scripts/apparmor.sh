#!/usr/bin/env bash
# Offers the AppArmor profile that lets one program, and no other, make user namespaces (Ubuntu 24.04 takes them away).
# Usage: scripts/apparmor.sh PROGRAM. STRAIT_FAKE_ROOT stands for / in tests.
set -euo pipefail

PROGRAM=$(realpath "${2:-$1}")
ROOT="${STRAIT_FAKE_ROOT:-}"
PROFILE="$ROOT/etc/apparmor.d/strait"

main() {
    if ! is_needed; then
        return
    fi
    echo "AppArmor takes user namespaces from programs without a profile on this machine, and Strait's network is made of them."
    echo "This profile gives them to $PROGRAM alone:"
    profile | sed 's/^/    /'
    if ! agreed; then
        echo "Not installed. To do it yourself:"
        echo "    $0 --print $PROGRAM | sudo tee /etc/apparmor.d/strait && sudo apparmor_parser -r /etc/apparmor.d/strait"
        return 1
    fi
    profile | as_root tee "$PROFILE" >/dev/null
    as_root apparmor_parser -r "$PROFILE"
    echo "Installed $PROFILE."
}

is_needed() {
    local restricted
    restricted=$(cat "$ROOT/proc/sys/kernel/apparmor_restrict_unprivileged_userns" 2>/dev/null || echo 0)
    [ "$restricted" = 1 ] || return 1
    [ "$(id -u)" -ne 0 ] || [ -n "$ROOT" ] || return 1
    ! cmp -s <(profile) "$PROFILE"
}

profile() {
    printf 'abi <abi/4.0>,\nprofile strait %s flags=(unconfined) {\n  userns,\n}\n' "$PROGRAM"
}

agreed() {
    local answer
    if [ "${STRAIT_APPARMOR:-}" = yes ]; then
        return 0
    fi
    [ -t 0 ] || return 1
    read -r -p "Install it with sudo? [y/N] " answer
    [[ "$answer" == [yY]* ]]
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

if [ "$1" = --print ]; then
    profile
else
    main
fi
