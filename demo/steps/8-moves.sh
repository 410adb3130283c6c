# shellcheck shell=bash
section 8 "The service moves, and its name with it"

# The advice of 7.18 followed: the second customer on another Peering VPC, by the printed script as a whole.
rival_elsewhere() {
    request third "$RIVAL" rival && steps third-rival --script >"$WORK/steps.sh" || return 1
    ROUTE_TABLE_ID=${TABLE[rival]} SECURITY_GROUP_ID=${GROUP[rival]} as rival sh "$WORK/steps.sh"
}
quietly rival_elsewhere
quietly strait service attach catalog third --wait
prove 8.1 "the second customer, on another Peering VPC" "gets in, with the same range" sql_is 1 catalog rival "select 1"

quietly request second "$CUSTOMER" app
quietly accept app "${PCX[second-app]}"
quietly route app "$SECOND" "${PCX[second-app]}"
quietly allow_out app "$OWN" "$SECOND" 5432
control orders_from app
prove 8.2 "strait service attach orders second" "moved from one VPC to another" strait service attach orders second --wait
MOVED=$(private orders)
prove 8.3 "the name in the app" "follows: $MOVED" resolves_to app "${NAME[orders]}" "$MOVED"
prove 8.4 "the address" "lies in $SECOND" begins_with 10.81. "$MOVED"
prove 8.5 "psql from the app, the same line" "the row is there, verify-full" orders_from app
control billing_from app
refuse 8.6 "the former private address" "no way in any more" "$DROPPED|$RESET" sql orders app "select 1" "hostaddr=$PRIVATE"

prove 8.7 "strait service detach orders" "public again" strait service detach orders --wait
prove 8.8 "psql from the internet, the same line" "the row is there, verify-full" orders_from internet
HERE_LINE=$(local_line orders)
prove 8.9 "psql on this machine, the printed line" "the loopback port leads to it again" \
    env PGPASSWORD="${PASSWORD[orders]}" timeout 40 psql -X -w -At "$HERE_LINE" -c 'select n from story'
control billing_from app
refuse 8.10 "psql orders from the app" "the private way is closed" "$DROPPED" orders_from app
refuse 8.11 "its address in the second VPC" "closed as well" "$DROPPED|$RESET" sql orders app "select 1" "hostaddr=$MOVED"
