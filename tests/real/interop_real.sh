#!/usr/bin/env bash
# Unmodified clients of other people against the release binary; interop/ holds the scenarios.
#
#   tests/real/interop_real.sh [ARGUMENTS OF interop.py]
#
# Installs the node clients into CLOS_CACHE, starts a router on free ports of 127.0.0.1 and a Unix
# socket, runs every scenario, stops the router and expects it to have ended well. Needs node, npm,
# python3-autobahn, python3-twisted, python3-cbor2 and python3-msgpack.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.."
clos="${CLOS:-build/clos}"
cache="${CLOS_CACHE:-$HOME/.cache/clos}/interop"
folder="$(mktemp -d)"
router=

finish()
{
    [ -z "$router" ] || kill -KILL "$router" 2>/dev/null || true
    rm -rf "$folder"
}
trap finish EXIT

fail()
{
    echo "FAIL $1"
    [ ! -s "$folder/router.log" ] || tail -n 20 "$folder/router.log" | sed 's/^/   | /'
    echo "0 passed, 1 failed, 0 skipped"
    exit 1
}

if ! cmp -s tests/real/interop/package.json "$cache/package.json" ||
    [ ! -d "$cache/node_modules/autobahn" ]; then
    echo "installing the node clients into $cache"
    mkdir -p "$cache"
    (cd tests/real/interop && cp package.json "$cache/package.json.new")
    (cd "$cache" && cp package.json.new package.json && rm package.json.new &&
        npm install --ignore-scripts --omit=optional --no-audit --no-fund --loglevel=error) ||
        { rm -f "$cache/package.json"; fail "the node clients can't be installed"; }
fi

"$clos" start --listen tcp://127.0.0.1:0 --listen "unix:$folder/clos.sock" --print-ports \
    >"$folder/ports" 2>"$folder/router.log" &
router=$!
port=
for _ in $(seq 100); do
    port="$(sed -n 's,^listening tcp://127\.0\.0\.1:\([0-9]*\)$,\1,p' "$folder/ports")"
    [ -z "$port" ] && kill -0 "$router" 2>/dev/null || break
    sleep 0.1
done
[ -n "$port" ] || fail "the router does not start"

code=0
/usr/bin/python3 tests/real/interop/interop.py --ws "ws://127.0.0.1:$port/ws" \
    --rs "rs://127.0.0.1:$port" --unix-ws "$folder/clos.sock" --unix-rs "$folder/clos.sock" \
    --modules "$cache/node_modules" "$@" >"$folder/said" || code=$?
sed '$d' "$folder/said"
read -r passed _ failed _ skipped _ < <(tail -n 1 "$folder/said") || true
if ! [[ "${passed:-}" =~ ^[0-9]+$ && "${skipped:-}" =~ ^[0-9]+$ ]]; then
    fail "the scenarios ended early with $code"
fi

kill -TERM "$router" 2>/dev/null || true
for _ in $(seq 100); do
    kill -0 "$router" 2>/dev/null || break
    sleep 0.1
done
if kill -0 "$router" 2>/dev/null; then
    echo "FAIL the router does not end within 10 s of SIGTERM"
    failed=$((failed + 1))
elif wait "$router"; then
    echo "ok   the router lived through it and ended well"
    passed=$((passed + 1))
else
    echo "FAIL the router ended with $?"
    tail -n 20 "$folder/router.log" | sed 's/^/   | /'
    failed=$((failed + 1))
fi
router=
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
