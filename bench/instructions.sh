#!/usr/bin/env bash
# Instructions the router spends on a message, sockets apart, by callgrind: the repeatable baseline.
#   bench/instructions.sh            measures, compares with bench/instructions.txt
#   bench/instructions.sh --write    measures and writes that file
set -eu
cd "$(dirname "$0")/.."
program=${PROGRAM:-build-micro/micro_core}
if [ ! -x "$program" ]; then
    cmake -B build-micro -DTESTS=ON >/dev/null
    cmake --build build-micro --target micro_core >/dev/null
fi
count() { # kind, messages: instructions of the whole run
    valgrind --tool=callgrind --callgrind-out-file=/dev/null "$program" "$1" "$2" 2>&1 |
        sed -n 's/.*Collected : \([0-9]*\).*/\1/p'
}
table=
for kind in pubsub fanout acknowledge rpc json transcode; do
    less=$(count "$kind" 6400)
    more=$(count "$kind" 25600)
    table+="$kind $(((more - less) / 19200))"$'\n'
done
if [ "${1:-}" = --write ]; then
    printf '%s' "$table" >bench/instructions.txt
fi
printf '%-12s %12s %12s\n' kind instructions baseline
while read -r kind number; do
    [ -n "$kind" ] || continue
    base=$(sed -n "s/^$kind //p" bench/instructions.txt 2>/dev/null || true)
    printf '%-12s %12s %12s\n' "$kind" "$number" "${base:--}"
done <<<"$table"
