#!/usr/bin/env bash
# A thousand subscribers that stopped reading beside a thousand healthy ones, from outside: the
# healthy ones miss nothing and live, the stopped ones are ended and counted, memory has a bound.
# How much throughput is left is printed, not judged: the machine is shared.
set -u
cd "$(dirname "$0")/../.."
clos=${CLOS:-build/clos}
crowd=${CROWD:-1000}
passed=0
failed=0
dir=$(mktemp -d)
cat >"$dir/clos.yaml" <<'YAML'
realms:
  - name: realm1
    anonymous_role: guest
    roles:
      - name: guest
        permissions:
          - {uri: "", match: prefix, allow: {subscribe: true, publish: true}}
limits:
  message_bytes: 65536
  out_soft_bytes: 262144
  out_hard_bytes: 524288
YAML
"$clos" start --config "$dir/clos.yaml" --listen tcp://127.0.0.1:0 --print-ports --workers 2 \
    >"$dir/ports" 2>>"$dir/log" &
router=$!
stopped=
finish() {
    [ -n "$stopped" ] && kill "$stopped" 2>/dev/null
    kill "$router" 2>/dev/null
    wait 2>/dev/null
    rm -rf "$dir"
}
trap finish EXIT
for _ in $(seq 100); do
    [ -s "$dir/ports" ] && break
    sleep 0.05
done
if [ ! -s "$dir/ports" ]; then
    echo "failed: the_router_starts: $(tail -1 "$dir/log")"
    echo "0 passed, 1 failed, 0 skipped"
    exit 1
fi
port=$(sed -n 's/^listening tcp:.*:\([0-9]*\)$/\1/p' "$dir/ports")

verdict() { # name, condition's exit code, words
    if [ "$2" -eq 0 ]; then
        passed=$((passed + 1))
        echo "passed: $1: $3"
    else
        failed=$((failed + 1))
        echo "failed: $1: $3"
    fi
}
counter() { # of the router's report
    sed -n "s/.*\"$1\":\([0-9]*\).*/\1/p" "$dir/report"
}
report() {
    : >"$dir/log"
    kill -USR1 "$router"
    for _ in $(seq 100); do
        grep -q '^{"workers"' "$dir/log" && break
        sleep 0.05
    done
    grep '^{"workers"' "$dir/log" | tail -1 >"$dir/report"
}
load() { # healthy subscribers; the rate they got
    timeout 25 "$clos" bench pubsub --to "rs://127.0.0.1:$port" --subscribers "$crowd" \
        --payload 1000 --count "${COUNT:-5000}" --window 64 --quiet --json >"$dir/result" 2>&1
    local code=$?
    rate=$(sed -n 's/.*"rate":\([0-9]*\).*/\1/p' "$dir/result")
    return $code
}

load
verdict "all_is_well_without_them" $? "${rate:-no} events/s"
baseline=${rate:-0}

python3 - "$port" "$crowd" >"$dir/stopped" <<'PYTHON' &
import socket, struct, sys, time
port, crowd = int(sys.argv[1]), int(sys.argv[2])
def frame(text):
    return struct.pack(">I", len(text)) + text
def take(s, size):
    data = b""
    while len(data) < size:
        part = s.recv(size - len(data))
        assert part
        data += part
    return data
def message(s):
    return take(s, struct.unpack(">I", take(s, 4))[0])
people = []
for _ in range(crowd):
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    s.connect(("127.0.0.1", port))
    s.sendall(b"\x7f\xf1\x00\x00" + frame(b'[1,"realm1",{"roles":{"subscriber":{}}}]') +
              frame(b'[32,1,{},"bench.topic.0"]'))
    take(s, 4)
    assert message(s).startswith(b"[2,") and message(s).startswith(b"[33,1,")
    people.append(s)
print("ready", flush=True)
time.sleep(60)
PYTHON
stopped=$!
for _ in $(seq 200); do
    grep -qs ready "$dir/stopped" && break
    sleep 0.05
done
load
healthy=$?
verdict "healthy_subscribers_live_and_miss_nothing" $healthy \
    "$(grep -o '"received":.*"errors":[0-9]*' "$dir/result" | tr -d '"')"
part=$((${rate:-0} * 100 / (baseline > 0 ? baseline : 1)))
echo "throughput beside $crowd stopped readers: ${rate:-no} events/s, $part % of $baseline"
sleep 1.5
report
killed=$(($(counter killed_hard_bytes) + $(counter killed_soft) + $(counter killed_stuck)))
[ "$killed" -eq "$crowd" ] && [ "$(counter killed_memory)" = 0 ]
verdict "only_the_stopped_ones_are_ended" $? "$killed of $crowd"
[ "$(counter connections)" = 0 ]
verdict "nothing_is_left_of_them" $? "$(counter connections) connections"
peak=$(awk '/^VmHWM/ { print $2 }' "/proc/$router/status")
bound=$((crowd * (524288 + 65536) / 1024 + 262144))
[ "$peak" -le "$bound" ]
verdict "memory_has_a_bound" $? "$peak KiB at most, bound $bound KiB"
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
