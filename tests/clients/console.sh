#!/usr/bin/env bash
# The console, by clicks, in Chromium: `tests/clients/console.sh [TEST…]`. `--prepare` only fetches what drives the browser.
# Status: 77 not proved (there is no Chromium, or its driver cannot be fetched).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

: "${STRAIT_CLIENTS:=${XDG_CACHE_HOME:-$HOME/.cache}/strait-clients}"
: "${STRAIT_CONSOLE:=${XDG_CACHE_HOME:-$HOME/.cache}/strait-console}"

main() {
    prepare
    [ "${1:-}" != --prepare ] || return 0
    [ "$#" -gt 0 ] || set -- test_browser test_console test_console_live
    PYTHONPATH="$STRAIT_CONSOLE" ./run.sh "$@"
}

prepare() {
    command -v chromium >/dev/null && command -v chromedriver >/dev/null ||
        not_proved "there is no Chromium with its driver: make setup"
    if cmp -s console-requirements.txt "$STRAIT_CONSOLE/requirements.txt"; then
        return
    fi
    echo "console: selenium into $STRAIT_CONSOLE"
    rm -rf "$STRAIT_CONSOLE"
    timeout 300 "$STRAIT_CLIENTS/bin/python3" -m pip install --quiet --target "$STRAIT_CONSOLE" --requirement console-requirements.txt ||
        not_proved "selenium cannot be installed with pip"
    cp console-requirements.txt "$STRAIT_CONSOLE/requirements.txt"
}

not_proved() {
    echo "NOT PROVED: the console in a browser: $1" >&2
    exit 77
}

main "$@"
