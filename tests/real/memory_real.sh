#!/usr/bin/env bash
# Memory, from outside: idle sessions are cheap, and a crowd that came and went leaves every gauge
# at zero and the process as large as before.
set -u
cd "$(dirname "$0")/../.."
clos=${CLOS:-build/clos}
idle=${IDLE:-10000}
churn=${CHURN:-60000}
passed=0
failed=0
dir=$(mktemp -d)
router=
stop() {
    if [ -n "$router" ]; then
        kill "$router" 2>/dev/null
        wait "$router" 2>/dev/null
    fi
}
start() { # a fresh router; its port
    stop
    "$clos" start --listen tcp://127.0.0.1:0 --print-ports --workers 2 >"$dir/ports" 2>"$dir/log" &
    router=$!
    for _ in $(seq 100); do
        [ -s "$dir/ports" ] && break
        sleep 0.05
    done
    port=$(sed -n 's/^listening tcp:.*:\([0-9]*\)$/\1/p' "$dir/ports")
}
finish() {
    stop
    rm -rf "$dir"
}
trap finish EXIT

verdict() { # name, condition's exit code, words
    if [ "$2" -eq 0 ]; then
        passed=$((passed + 1))
        echo "passed: $1: $3"
    else
        failed=$((failed + 1))
        echo "failed: $1: $3"
    fi
}
gauges() { # the router's report, one "name":value a line
    kill -USR1 "$router"
    for _ in $(seq 100); do
        grep -q '^{"workers"' "$dir/log" && break
        sleep 0.05
    done
    grep '^{"workers"' "$dir/log" | tail -1 | tr -d '{}"' | tr ',' '\n'
}
rss() { awk '/^VmRSS/ { print $2 }' "/proc/$router/status"; }

for kind in "rs  2560" "ws /ws 4096"; do
    read -r scheme path bound <<<"${kind/  / - }"
    start
    to="$scheme://127.0.0.1:$port${path#-}"
    "$clos" bench connect --to "$to" --sessions "$idle" --hold 1 --pid "$router" --quiet \
        >"$dir/result" 2>&1
    each=$(sed -n 's/.* \([0-9]*\) octets a session.*/\1/p' "$dir/result")
    [ -n "$each" ] && [ "$each" -le "$bound" ]
    verdict "idle_sessions_over_$scheme" $? \
        "${each:-no figure} octets each, at most $bound ($idle sessions)"
done

start
churn() { "$clos" bench churn --to "rs://127.0.0.1:$port" --count "$1" --pid "$router" --quiet; }
churn $((churn / 4)) >/dev/null 2>&1
before=$(rss)
churn "$churn" >"$dir/result" 2>&1
verdict "a_crowd_came_and_went" $? \
    "$(grep -E 'messages|verdict' "$dir/result" | tr -s ' \n' ' ')"
sleep 0.5
after=$(rss)
[ "$after" -le $((before + before / 50 + 256)) ]
verdict "memory_is_flat" $? "$before KiB before, $after KiB after $churn sessions"
names='connections|sessions|subscriptions|subscribers|registrations|callees|claims'
left=$(gauges | grep -E "^($names|calls_open|invocations_open):[0-9]" | grep -v ':0$')
[ -z "$left" ]
verdict "every_gauge_is_zero" $? "${left:-all zero}"
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
