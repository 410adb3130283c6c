#!/usr/bin/env bash
# The steps of docs/aws.md, "Install and configure", and what the unit promises.
export HOME=/root STRAIT_DATA_DIR=/var/lib/strait-cloud/strait
STRAIT_BIN=/usr/local/bin/strait
install -m 0755 /machine/in/strait "$STRAIT_BIN"
. /machine/in/demo/lib.sh
IN=/machine/in
STORE=/var/lib/strait-store

main() {
    ip link set lo up
    section 1 "A machine with systemd"
    useradd --system --no-create-home --shell /usr/sbin/nologin strait
    useradd --system --create-home strait-cloud
    install -d -o strait-cloud /var/lib/strait-cloud
    cloud
    store
    section 2 "Installed as docs/aws.md says"
    install_it
    prove 2.1 "systemd-analyze verify" "finds nothing" systemd-analyze verify /etc/systemd/system/strait.service
    prove 2.2 "systemctl start strait" "starts it" systemctl start strait
    prove 2.3 "GET /health" "answers" until_it_answers
    section 3 "It works in its sandbox"
    works
    section 4 "It ends and comes back"
    ends
    echo "$PROOFS proofs"
}

# The operator's cloud: a Strait of an ordinary user's. It is AWS for the server.
cloud() {
    prove 1.1 "strait up" "a local cloud, to be AWS here" in_cloud up --detach --http 127.0.0.1:0 --aws 127.0.0.1:0
    in_cloud env --account provider --format json >"$WORK/keys"
}

in_cloud() {
    (cd / && setpriv --reuid strait-cloud --regid strait-cloud --init-groups env HOME=/var/lib/strait-cloud STRAIT_DATA_DIR="$STRAIT_DATA_DIR" "$STRAIT_BIN" "$@")
}

store() {
    local bin
    bin=$(dirname "$(ls -d /usr/lib/postgresql/*/bin/initdb | sort -V | tail -n 1)")
    install -d -o strait-cloud "$STORE"
    prove 1.2 "initdb" "a PostgreSQL for the store" setpriv --reuid strait-cloud --regid strait-cloud --init-groups \
        sh -c "cd / && printf secret-of-the-store >$STORE/password && '$bin/initdb' -D $STORE/data -U strait -A scram-sha-256 --pwfile $STORE/password"
    prove 1.3 "pg_ctl start" "and it runs" setpriv --reuid strait-cloud --regid strait-cloud --init-groups \
        "$bin/pg_ctl" -D "$STORE/data" -w -l "$STORE/log" -o "-p 5432 -c listen_addresses=127.0.0.1 -c unix_socket_directories=" start
    PGPASSWORD=secret-of-the-store psql -h 127.0.0.1 -U strait -d postgres -XAtqc "create database strait"
}

install_it() {
    install -d /etc/strait
    install -m 0600 /dev/stdin /etc/strait/database_url <<<"postgres://strait:secret-of-the-store@127.0.0.1:5432/strait"
    install -m 0600 /dev/stdin /etc/strait/admin_key <<<"the-operators-key-of-this-test-machine"
    in_cloud ca | install -m 0644 /dev/stdin /etc/strait/rds-ca.pem
    sed -E "s|^domain = .*|domain = \"strait.internal\"|; s|^regions = .*|regions = [\"us-east-1\"]|; s|^# endpoint_url = .*|endpoint_url = \"$(jq -r .AWS_ENDPOINT_URL "$WORK/keys")\"|" \
        "$IN/packaging/strait.toml" >/etc/strait/strait.toml
    install -m 0644 "$IN/packaging/strait.service" /etc/systemd/system/strait.service
    # On AWS they come from the instance's role.
    install -d /etc/systemd/system/strait.service.d
    jq -r '"[Service]\nEnvironment=AWS_ACCESS_KEY_ID=\(.AWS_ACCESS_KEY_ID)\nEnvironment=AWS_SECRET_ACCESS_KEY=\(.AWS_SECRET_ACCESS_KEY)\nEnvironment=AWS_EC2_METADATA_DISABLED=true"' \
        "$WORK/keys" >/etc/systemd/system/strait.service.d/keys.conf
    systemctl daemon-reload
}

until_it_answers() {
    local tries
    for tries in {1..300}; do
        if curl -fs -m 2 http://127.0.0.1:8470/health; then
            return
        fi
        [ "$(systemctl show -P ActiveState strait)" != failed ] || break
        sleep 0.1
    done
    systemctl status strait
    return 1
}

works() {
    local pid
    pid=$(main_pid)
    prove 3.1 "its process" "is the user strait's, without a capability" sandboxed "$pid"
    prove 3.2 "secrets" "are in no environment, but systemd's copies are" no_secret "$pid"
    strait admin bootstrap --config /etc/strait/strait.toml --project shop --output json >"$WORK/made"
    export STRAIT_URL=http://127.0.0.1:8470
    STRAIT_PROJECT_ID=$(jq -r .project_id "$WORK/made") STRAIT_PUBLIC_KEY=$(jq -r .public_key "$WORK/made") STRAIT_SECRET_KEY=$(jq -r .secret_key "$WORK/made")
    export STRAIT_PROJECT_ID STRAIT_PUBLIC_KEY STRAIT_SECRET_KEY
    prove 3.3 "strait vpc create --wait" "through the SDK: a Peering VPC is made in the cloud" \
        strait vpc create --name main --region us-east-1 --cidr 10.80.0.0/24 --wait --timeout 120
}

sandboxed() {
    grep -Eq "^Uid:\s+$(id -u strait)\s" "/proc/$1/status" && grep -Eq '^CapBnd:\s+0+$' "/proc/$1/status" &&
        grep -Eq '^NoNewPrivs:\s+1$' "/proc/$1/status" && grep -Eq '^Seccomp:\s+2$' "/proc/$1/status"
}

no_secret() {
    local shown
    shown=$(tr '\0' '\n' <"/proc/$1/environ")
    grep -q '^STRAIT_DATABASE_URL_FILE=/run/credentials/' <<<"$shown" && ! grep -q -e secret-of-the-store -e operators-key <<<"$shown"
}

ends() {
    local before
    before=$(main_pid)
    kill -9 "$before"
    prove 4.1 "kill -9" "systemd starts it again" another_than "$before"
    prove 4.2 "GET /health" "answers" until_it_answers
    prove 4.3 "strait vpc get" "nothing was lost" eval "strait vpc get main --output json | jq -e '.status == \"CREATED\"'"
    prove 4.4 "systemctl stop" "ends in order" systemctl stop strait
    prove 4.5 "its result" "success" eval "[ \"\$(systemctl show -P Result strait)\" = success ]"
    sed -i 's/^regions = .*/regions = ["nowhere"]/' /etc/strait/strait.toml
    systemctl start strait || true
    prove 4.6 "a configuration with a fault" "status 2, and it is not started again and again" faulty
}

main_pid() {
    systemctl show -P MainPID strait
}

another_than() {
    local tries pid
    for tries in {1..600}; do
        pid=$(main_pid)
        if [ "$pid" != 0 ] && [ "$pid" != "$1" ]; then
            return
        fi
        sleep 0.1
    done
    return 1
}

faulty() {
    local tries
    for tries in {1..600}; do
        if [ "$(systemctl show -P ActiveState strait)" = failed ]; then
            sleep 7
            [ "$(systemctl show -P ActiveState strait)" = failed ] && [ "$(systemctl show -P ExecMainStatus strait)" = 2 ]
            return
        fi
        sleep 0.1
    done
    systemctl status strait
    return 1
}

main
