# shellcheck shell=bash
section 1 "A service, public at first"

prove 1.1 "strait service create --name orders" "READY, with a password that is shown once" new_service orders
prove 1.2 "psql from the internet, by name" "verify-full, over TLS, a row written" \
    sql orders internet "create table story (n int); insert into story values (42); select 1 / (select count(*) from pg_stat_ssl where ssl and pid = pg_backend_pid())"
refuse 1.3 "the same by a name that is not the service's" "the certificate is checked" 'does not match host name' \
    eval 'PGPASSWORD=${PASSWORD[orders]} query internet "host=api.strait.internal hostaddr=$(service orders .public_endpoint.address) user=tsdbadmin dbname=tsdb sslmode=verify-full" "select 1"'
refuse 1.4 "the same with another password" "the password is checked" 'password authentication failed' \
    env PGPASSWORD=guessed timeout 40 "$STRAIT_BIN" exec internet -- psql -X -w "$(way orders)" -c 'select 1'

HERE_LINE=$(local_line orders)
prove 1.5 "psql on this machine, the printed line pasted" "the loopback port leads to it, verify-full" \
    env PGPASSWORD="${PASSWORD[orders]}" timeout 40 psql -X -w -At "$HERE_LINE" -c 'select n from story'
prove 1.6 "strait service connect orders" "psql opens from here" \
    env PGPASSWORD="${PASSWORD[orders]}" timeout 40 "$STRAIT_BIN" service connect orders -- -X -w -At -c 'select n from story'
prove 1.7 "strait service connect orders --from internet" "psql opens from the internet" \
    env PGPASSWORD="${PASSWORD[orders]}" timeout 40 "$STRAIT_BIN" service connect orders --from internet -- -X -w -At -c 'select n from story'
prove 1.8 "strait ca" "prints the certificate authority" \
    eval 'strait ca | grep "BEGIN CERTIFICATE" && cmp <(strait ca) "$(strait ca --path)"'

# Strait's own two endpoints, by name, on the ports that they have on this machine.
ENDPOINTS=$(strait status --output json)
HTTP_PORT=$(jq -er '.server.http | split(":") | last' <<<"$ENDPOINTS")
AWS_PORT=$(jq -er '.server.aws | split(":") | last' <<<"$ENDPOINTS")
prove 1.9 "curl http://api.strait.internal in the internet" "the REST API answers there by name" \
    strait exec internet -- curl --silent --show-error --fail --max-time 10 "http://api.strait.internal:$HTTP_PORT/health"
prove 1.10 "aws sts get-caller-identity in the internet" "the AWS APIs too" \
    as customer "$STRAIT_BIN" exec internet -- aws --endpoint-url "http://aws.strait.internal:$AWS_PORT" sts get-caller-identity
