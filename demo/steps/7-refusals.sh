# shellcheck shell=bash
section 7 "What must not work, each beside something that does"

orders_from() {
    sql_is 42 orders "$1" "select n from story"
}

# Another port of the endpoint. The app may send anything to the range while this is tried, so that it is the provider's
# side that refuses.
quietly allow_out app "$OWN" "$FIRST"
control orders_from app
for port in 22 5433 8471; do
    refuse 7.1 "port $port of the endpoint" "5432 only (5432 works from there)" "$DROPPED|Connection refused" knock app "$PRIVATE" "$port"
done
quietly forbid_out app "$OWN" "$FIRST"

# A VPC of the customer's that is not peered.
network customer "$PROVIDER_REGION" 10.30.0.0/16 lonely
instance lonely "$(group lonely open)"
quietly allow_out lonely "${GROUP[lonely]}" 0.0.0.0/0
control orders_from app
refuse 7.2 "a VPC that is not peered" "no way in (the app has one)" "$DROPPED" orders_from lonely

# Peered, but without a route; the same command works once the route is there.
quietly accept far "${PCX[peering-far]}"
refuse 7.3 "a peered VPC without a route, in $FAR_REGION" "no way in" "$DROPPED" orders_from far
prove 7.4 "the same with the route" "in it is, across Regions" eval 'route far "$FIRST" "${PCX[peering-far]}" && orders_from far'

# Peered to the customer's VPC, with routes and groups for all of it: peering is not transitive.
network customer "$PROVIDER_REGION" 10.40.0.0/16 behind
instance behind "$(group behind open)"
quietly allow_out behind "${GROUP[behind]}" 0.0.0.0/0
OPEN=$(group app relay)
quietly ec2 customer "$PROVIDER_REGION" authorize-security-group-ingress --group-id "$OPEN" --ip-permissions 'IpProtocol=tcp,FromPort=0,ToPort=65535,IpRanges=[{CidrIp=0.0.0.0/0}]'
instance app "$OPEN" relay
BESIDE=$(ask customer "$PROVIDER_REGION" VpcPeeringConnection.VpcPeeringConnectionId create-vpc-peering-connection --vpc-id "${VPC[behind]}" --peer-vpc-id "${VPC[app]}")
quietly accept app "$BESIDE"
quietly route behind 10.20.0.0/16 "$BESIDE"
quietly route behind "$FIRST" "$BESIDE"
quietly route app 10.40.0.0/16 "$BESIDE"
prove 7.5 "a VPC peered to the customer's VPC" "reaches an instance there (its kernel answers)" reset_by behind "${ADDRESS[relay]}" 9
refuse 7.6 "the service through that VPC" "no transit" "$DROPPED" orders_from behind

# From the service's own network towards the customer. The provider's account owns it, so an instance beside the service
# may send everything; and the customer's instance would take everything.
ORDERS_HOST=postgres-$(service orders .service_id)
read -r SERVICE_VPC SERVICE_SUBNET <<<"$(ask provider "$PROVIDER_REGION" 'Reservations[0].Instances[0].[VpcId,SubnetId]' describe-instances --filters "Name=tag:Name,Values=$ORDERS_HOST" "Name=instance-state-name,Values=running")"
OWNER[beside]=provider REGION_OF[beside]=$PROVIDER_REGION VPC[beside]=$SERVICE_VPC SUBNET[beside]=$SERVICE_SUBNET
instance beside "$(group beside open)"
quietly allow_out beside "${GROUP[beside]}" 0.0.0.0/0
quietly ec2 provider "$PROVIDER_REGION" authorize-security-group-ingress --group-id "${GROUP[beside]}" --ip-permissions 'IpProtocol=tcp,FromPort=0,ToPort=65535,IpRanges=[{CidrIp=0.0.0.0/0}]'
instance beside "${GROUP[beside]}" beside-too
control reset_by beside "${ADDRESS[beside-too]}" 9
control reset_by behind "${ADDRESS[relay]}" 9
refuse 7.7 "from the service's network to the customer" "traffic starts on the customer's side only" "$DROPPED" knock beside "${ADDRESS[relay]}" 9
refuse 7.8 "from the service's own namespace" "nor does anything get out of it" "$DROPPED" knock "$ORDERS_HOST" "${ADDRESS[relay]}" 9
refuse 7.9 "the service itself running a program" "its user is no superuser" 'permission denied|must be superuser' \
    sql orders app "copy story from program 'true'"

# Another project: its VPC, its customer, its keys. The customer's route and group would let the first project's range through.
own_project() {
    strait project create other --output json >"$WORK/other.json" || return 1
    OTHER=$(jq -er '.id // .project.id' "$WORK/other.json") || return 1
    OTHER_PUBLIC=$(jq -er '[.. | .public_key? | strings][0]' "$WORK/other.json") || return 1
    OTHER_SECRET=$(jq -er '[.. | .secret_key? | strings][0]' "$WORK/other.json")
}
in_other() {
    STRAIT_PROJECT_ID=$OTHER STRAIT_PUBLIC_KEY=$OTHER_PUBLIC STRAIT_SECRET_KEY=$OTHER_SECRET "$@"
}
other_network() {
    in_other new_service theirs || return 1
    in_other strait vpc create --name theirs --region "$PROVIDER_REGION" --cidr 10.90.0.0/20 --wait || return 1
    in_other request theirs "$CUSTOMER" lonely || return 1
    accept lonely "${PCX[theirs-lonely]}" && route lonely 10.90.0.0/20 "${PCX[theirs-lonely]}" && route lonely "$FIRST" "${PCX[theirs-lonely]}" || return 1
    in_other strait service attach theirs theirs --wait
}
prove 7.10 "another project, with VPC, customer and service" "made with its own keys" eval 'own_project && other_network'
prove 7.11 "its customer" "gets into its service" eval 'PGPASSWORD=${PASSWORD[theirs]} answers 1 lonely "$(way theirs)" "select 1"'
control orders_from app
refuse 7.12 "its customer to the first project's service" "no way in" "$DROPPED" orders_from lonely
refuse 7.13 "its keys on the first project's service" "there is no such service for them" 'there is no service|not found|no such' \
    in_other strait service attach orders theirs

# A forged source address: the same knock from the true one works.
quietly strait exec app -- ip address add 10.20.0.250/32 dev lo
control knock app "$PRIVATE" 5432 "${ADDRESS[app]}"
refuse 7.14 "a forged source address" "dropped at the interface (the true one works)" "$DROPPED" knock app "$PRIVATE" 5432 10.20.0.250
quietly strait exec app -- ip address delete 10.20.0.250/32 dev lo

# Sockets and files do not care for networks.
control ls "$STRAIT_DATA_DIR/services"
refuse 7.15 "services' files from an instance" "not to be seen (outside they are)" 'nothing there' \
    strait exec app -- bash -c '[ -n "$(ls -A "$1" 2>/dev/null)" ] || { echo nothing there; exit 1; }' - "$STRAIT_DATA_DIR/services"
control eval '[ -n "$(find "$STRAIT_DATA_DIR" -type s 2>/dev/null)" ]'
refuse 7.16 "Unix sockets of services from an instance" "there is none" 'no socket' \
    strait exec app -- bash -c '[ -n "$(find "$1" /run /tmp /dev/shm -type s 2>/dev/null; grep -a "PGSQL" /proc/net/unix)" ] || { echo no socket; exit 1; }' - "$STRAIT_DATA_DIR"
control eval '(cat /proc/[0-9]*/comm 2>/dev/null || true) | grep -x postgres >/dev/null'
refuse 7.17 "processes of services from an instance" "not to be seen" 'no process' \
    strait exec app -- bash -c 'cat /proc/[0-9]*/comm 2>/dev/null | grep -x postgres >/dev/null || { echo no process; exit 1; }'

# A second customer with the same range on one Peering VPC.
RIVAL=$(account rival)
network rival "$PROVIDER_REGION" 10.20.0.0/16 rival
instance rival "$(group rival open)"
quietly allow_out rival "${GROUP[rival]}" 0.0.0.0/0
quietly request peering "$RIVAL" rival
quietly accept rival "${PCX[peering-rival]}"
quietly route rival "$FIRST" "${PCX[peering-rival]}"
told_of_overlap() {
    peering peering-rival '.reason.code == "peer_range_overlaps" and (.reason.message | test("10.20.0.0/16")) and ([.reason.message, .next_action] | join(" ") | test("another Peering VPC"))'
}
prove 7.18 "a second customer with the range 10.20.0.0/16" "told why, and to use another Peering VPC" wait_for 60 told_of_overlap
refuse 7.19 "its packets" "not let in" "$DROPPED" orders_from rival
prove 7.20 "the first customer" "is untouched" orders_from app

refuse 7.21 "strait reach lonely orders" "says where and why it stops" 'STOP' strait reach lonely orders
prove 7.22 "strait reach app orders" "walks all the way" strait reach app orders
