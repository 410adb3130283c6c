# shellcheck shell=bash
section 4 "The provider asks for peering connections"

says_whose_turn() {
    peering peering-app '.status == "PENDING" and .waiting_on == "customer" and (.next_action | length > 0)' && expires_in_a_week peering-app
}

expires_in_a_week() {
    local expires
    expires=$(peering "$1" .expires_at) || return 1
    local left=$(($(date -d "$expires" +%s) - $(date +%s)))
    echo "expires in $left s"
    [ "$left" -gt $((7 * 86400 - 300)) ] && [ "$left" -le $((7 * 86400)) ]
}

guide_is_whole() {
    steps peering-app --output json >"$WORK/guide.json" || return 1
    jq -e ".requester.account_id == \"$PROVIDER\" and .requester.cidr == \"$FIRST\" and (.steps | length) >= 3 and (.iam_policy.Statement | length) >= 1" "$WORK/guide.json"
}

script_is_shell() {
    steps peering-app --script >"$WORK/steps.sh" || return 1
    bash -n "$WORK/steps.sh" && grep -q "accept-vpc-peering-connection" "$WORK/steps.sh" && grep -q "${PCX[peering-app]}" "$WORK/steps.sh"
}

prove 4.1 "strait peering create" "pending, with the customer's pcx- id" request peering "$CUSTOMER" app
prove 4.2 "strait peering get" "whose turn it is, and that it expires in 7 days" says_whose_turn
prove 4.3 "strait peering steps" "who asks, three steps, the IAM policy" guide_is_whole
prove 4.4 "strait peering steps --script" "a shell script for this very peering" script_is_shell

network customer "$FAR_REGION" 10.21.0.0/16 far
instance far "$(group far open)"
quietly allow_out far "${GROUP[far]}" 0.0.0.0/0
prove 4.5 "a second one, to a VPC in $FAR_REGION" "any Region of the customer's, as many as asked for" request peering "$CUSTOMER" far
