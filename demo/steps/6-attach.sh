# shellcheck shell=bash
section 6 "The service is attached: private in, public closed"

# A session from the public side that is open while the way is closed.
open_session() {
    local from=$1 file=$2
    touch "$file"
    if [ "$from" = here ]; then
        PGPASSWORD=${PASSWORD[orders]} timeout 180 psql -X -w -At "$HERE_LINE" -c "select 'open'" -c 'select pg_sleep(150)' >"$file" 2>&1 </dev/null &
    else
        PGPASSWORD=${PASSWORD[orders]} timeout 180 "$STRAIT_BIN" exec "$from" -- psql -X -w -At "$(way orders)" -c "select 'open'" -c 'select pg_sleep(150)' >"$file" 2>&1 </dev/null &
    fi
    SESSION=$!
    local tries
    for tries in {1..1200}; do
        if grep -q open "$file"; then return 0; fi
        sleep 0.05
    done
    cat "$file"
    return 1
}

new_service catalog # stays public: the control of everything that is refused to orders
CATALOG_LINE=$(local_line catalog)
OLD_ADDRESS=$(service orders .public_endpoint.address)
OLD_PUBLIC_NAME=$(service orders .public_endpoint.host)

control billing_from app
refuse 6.1 "psql orders from the app, not attached yet" "the public address is not in the customer's routes" "$DROPPED" sql orders app "select 1"
open_session internet "$WORK/held-internet"
HELD_INTERNET=$SESSION
open_session here "$WORK/held-here"
HELD_HERE=$SESSION

prove 6.2 "strait service attach orders peering" "done" strait service attach orders peering --wait
prove 6.3 "psql orders from the app, the same name" "the row of step 1, verify-full" sql_is 42 orders app "select n from story"
PRIVATE=$(private orders)
prove 6.4 "the name in the app" "the endpoint's address $PRIVATE" resolves_to app "${NAME[orders]}" "$PRIVATE"
prove 6.5 "the address" "lies in $FIRST" begins_with 10.80. "$PRIVATE"
prove 6.6 "the session from the internet that was open" "ended with an error, not left hanging" ended "$HELD_INTERNET" 20 "$WORK/held-internet"
prove 6.7 "the session through the loopback port" "ended as well" ended "$HELD_HERE" 20 "$WORK/held-here"

control sql_is 1 catalog internet "select 1"
refuse 6.8 "psql from the internet, by the same name" "no way in" "$DROPPED|$RESET" sql orders internet "select 1"
refuse 6.9 "by the former address and port" "a changed name alone would prove nothing" "$DROPPED|$RESET" sql orders internet "select 1" "hostaddr=$OLD_ADDRESS"
refuse 6.10 "by the former public name" "it is gone" "$NO_NAME" \
    env PGPASSWORD="${PASSWORD[orders]}" timeout 40 "$STRAIT_BIN" exec internet -- psql -X -w "host=$OLD_PUBLIC_NAME user=tsdbadmin dbname=tsdb sslmode=verify-full" -c 'select 1'
control env PGPASSWORD="${PASSWORD[catalog]}" timeout 40 psql -X -w "$CATALOG_LINE" -c 'select 1'
refuse 6.11 "the former line on this machine" "the loopback port is closed" "$RESET" \
    env PGPASSWORD="${PASSWORD[orders]}" timeout 40 psql -X -w "$HERE_LINE" -c 'select 1'
