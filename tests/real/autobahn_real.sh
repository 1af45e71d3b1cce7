#!/usr/bin/env bash
# The published Autobahn suite (groups 1 to 7, 9, 10: 301 cases) against tests/real/testee_real.c.
#
#   tests/real/autobahn_real.sh [folder of a build with TESTS=ON, default build-dev]
#
# The suite runs on Python 2.7 only; it is looked for in PATH and among pyenv's versions, and its
# packages go to CLOS_CACHE (default ~/.cache/clos). Says why when it skips. Every case must be OK,
# but for the three where the suite itself only informs (7.1.6, 7.13.1, 7.13.2). The last line is
# `N passed, N failed, N skipped`.
set -uo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
build="${1:-build-dev}"
suite=autobahntestsuite==25.10.1
cases='"1.*","2.*","3.*","4.*","5.*","6.*","7.*","9.*","10.*"'
work="$(mktemp -d)"
testee=

finish()
{
    [ -z "$testee" ] || kill "$testee" 2>/dev/null
    rm -rf "$work"
}
trap finish EXIT

skip()
{
    echo "skip autobahn: $1"
    echo "0 passed, 0 failed, 1 skipped"
    exit 0
}

python2()
{
    local candidate
    for candidate in python2.7 "${PYENV_ROOT:-$HOME/.pyenv}"/versions/2.7.*/bin/python2.7; do
        if "$candidate" -m pip --version >/dev/null 2>&1; then
            echo "$candidate"
            return 0
        fi
    done
    return 1
}

python="$(python2)" || skip "no Python 2.7 with pip is here"
export PYTHONUSERBASE="${CLOS_CACHE:-${HOME:-/tmp}/.cache/clos}/autobahn"
export PYTHONWARNINGS=ignore
wstest="$PYTHONUSERBASE/bin/wstest"
if [ ! -x "$wstest" ]; then
    "$python" -m pip install --quiet --user "$suite" >"$work/pip.log" 2>&1 ||
        skip "pip cannot install $suite: $(tail -n 1 "$work/pip.log")"
fi

{ cmake -B "$build" -DSAN=dev -DTESTS=ON && cmake --build "$build" --target testee_real; } \
    >"$work/build.log" 2>&1 || { tail -n 20 "$work/build.log"; exit 1; }
"$build/testee_real" --port 0 >"$work/port" 2>"$work/testee.log" &
testee=$!
for _ in $(seq 100); do
    [ ! -s "$work/port" ] || break
    kill -0 "$testee" 2>/dev/null || break
    sleep 0.05
done
port="$(cat "$work/port")"
cat >"$work/spec.json" <<EOF
{"outdir": "$work/report", "servers": [{"agent": "clos", "url": "ws://127.0.0.1:$port"}],
 "cases": [$cases], "exclude-cases": [], "exclude-agent-cases": {}}
EOF
cd "$work" || exit 1
nice -n 10 "$python" "$wstest" -m fuzzingclient -s spec.json >wstest.log 2>&1
if ! kill -0 "$testee" 2>/dev/null; then
    echo "the testee is gone:"
    cat testee.log
fi
[ -f report/index.json ] || tail -n 20 wstest.log

python3 - report/index.json <<'EOF'
import collections
import json
import sys

CASES = {1: 16, 2: 11, 3: 7, 4: 10, 5: 20, 6: 145, 7: 37, 9: 54, 10: 1}
INFORMATIONAL = {"7.1.6", "7.13.1", "7.13.2"}
results = json.load(open(sys.argv[1]))["clos"]
table = collections.Counter()
passed = failed = 0
for case, result in results.items():
    verdict = {result["behavior"], result["behaviorClose"]}
    good = verdict == {"OK"} or (case in INFORMATIONAL and verdict == {"INFORMATIONAL"})
    passed += good
    failed += not good
    table[int(case.split(".")[0]), result["behavior"]] += 1
    if not good:
        print("FAIL", case, result["behavior"], result["behaviorClose"])
for (group, behavior), count in sorted(table.items()):
    print(f"group {group:2} {behavior:14} {count:3}")
for group, count in CASES.items():
    ran = sum(n for (g, _), n in table.items() if g == group)
    if ran != count:
        print(f"FAIL group {group}: {ran} cases ran, not {count}")
        failed += 1
print(f"{passed} passed, {failed} failed, 0 skipped")
sys.exit(failed > 0)
EOF
