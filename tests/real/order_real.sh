#!/usr/bin/env bash
# Pair order under load, on the release binary with several workers: every event carries its
# publisher's number, and the load maker counts what was lost, doubled or came out of order.
# 64 publishers x 256 subscribers x 8 topics, transports and serializers mixed.
#   order_real.sh [DELIVERIES]    in all, 20 million by default
# MUTANT=1: stop at the first run that fails (tests/mutants.py plants bugs).
set -u
cd "$(dirname "$0")/../.."
clos=${CLOS:-build/clos}
total=${1:-20000000}
passed=0
failed=0
dir=$(mktemp -d)
router=
finish() {
    [ -n "$router" ] && kill "$router" 2>/dev/null && wait "$router" 2>/dev/null
    rm -rf "$dir"
}
trap finish EXIT

: >"$dir/ports"
"$clos" start --listen tcp://127.0.0.1:0 --listen "unix:$dir/clos.sock" --workers "${WORKERS:-2}" \
    --print-ports >"$dir/ports" 2>"$dir/log" &
router=$!
for _ in $(seq 100); do
    [ "$(wc -l <"$dir/ports")" -ge 2 ] && break
    sleep 0.05
done
port=$(sed -n 's/^listening tcp:.*:\([0-9]*\)$/\1/p' "$dir/ports")
if [ -z "$port" ]; then
    echo "the router did not start:"
    cat "$dir/log"
    echo "0 passed, 1 failed, 0 skipped"
    exit 1
fi

# publishers' URL and serializer, subscribers' URL and serializer
runs=(
    "rs://127.0.0.1:$port msgpack rs://127.0.0.1:$port msgpack"
    "ws://127.0.0.1:$port/ws json rs://127.0.0.1:$port msgpack"
    "rs://127.0.0.1:$port cbor ws://127.0.0.1:$port/ws json"
    "rs://unix:$dir/clos.sock msgpack ws://127.0.0.1:$port/ws cbor"
)
each=$((total / ${#runs[@]}))
# Every subscriber hears all topics: what is out of order across topics is seen.
publications=$((each / 256))
for run in "${runs[@]}"; do
    read -r from from_serializer to to_serializer <<<"$run"
    if "$clos" bench pubsub --to "$from" --serializer "$from_serializer" --to-receivers "$to" \
        --serializer-receivers "$to_serializer" \
        --publishers 64 --subscribers 256 --topics 8 --every-topic \
        --window 64 --count "$publications" --duration 120 --pid "$router" --quiet \
        >"$dir/result" 2>&1; then
        passed=$((passed + 1))
        echo "passed: $from_serializer to $to_serializer:" \
            "$(grep -E 'messages|verdict' "$dir/result" | tr -s ' \n' ' ')"
    else
        failed=$((failed + 1))
        echo "failed: $run"
        cat "$dir/result"
        [ -n "${MUTANT:-}" ] && break
    fi
done
kill "$router" 2>/dev/null
wait "$router"
code=$?
router=
if [ "$code" -eq 0 ]; then # a sanitizer's report would have changed it
    passed=$((passed + 1))
    echo "passed: the router drained and ended with 0"
else
    failed=$((failed + 1))
    echo "failed: the router ended with $code"
    tail -20 "$dir/log"
fi
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
