#!/usr/bin/env bash
# Runs the tests, all or by suite, and counts single tests.
#
#   tests/run.sh               everything
#   tests/run.sh unit fuzz     some suites
#   tests/run.sh --list        the suites
#
# Installs what a suite needs (packages as root or with sudo; other things into CLOS_CACHE, default
# ~/.cache/clos), builds what it needs and runs it. Programs are found by glob. Each has a time
# limit; its output goes to BUILD/log/NAME.log. The last line is `N passed, N failed, N skipped`;
# the exit code is 0 if and only if nothing failed. A crash, a sanitizer's report or a time limit is
# a failure of the program by name.
#
# FUZZ_SECONDS (10) a fuzz target's time; TEST_SECONDS (120) a program's limit, REAL_SECONDS (600) a
# script's in tests/real; JOBS (2).
set -uo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
export CLOS_CACHE="${CLOS_CACHE:-${HOME:-/tmp}/.cache/clos}"
export CLOS="$PWD/build/clos"
FUZZ_SECONDS="${FUZZ_SECONDS:-10}"
TEST_SECONDS="${TEST_SECONDS:-120}"
REAL_SECONDS="${REAL_SECONDS:-600}"
JOBS="${JOBS:-2}"

# name: what it is
suites=(
    "runner: this script counts crashes, time limits and silence as failures"
    "tidy: house style of the sources"
    "purity: the core asks the world for nothing"
    "unit: tests/unit under address and undefined sanitizers"
    "suite: one suite per interface, run against every maker of it"
    "stress: what threads share, under the thread sanitizer"
    "talk: conversations with the core, with simulated workers and with the release binary"
    "sim: simulated nodes and people from seeds"
    "mutants: 2000 seeds pass, and planted bugs are caught by them or by the order test"
    "must: every MUST of the specification has its test"
    "fuzz: each parser for a few seconds over its corpus"
    "real: the release binary from outside"
    "interop: other people's clients against the release binary"
    "order: pair order under load"
    "elf: hardening of the release binary"
)

passed=0
failed=0
skipped=0
failures=()

say()
{
    printf '== %s\n' "$*"
}

# ---- counting

test_pass()
{
    passed=$((passed + ${1:-1}))
}

test_fail() # name, why
{
    failed=$((failed + 1))
    failures+=("$1: $2")
    printf 'FAIL %s: %s\n' "$1" "$2"
}

test_skip() # name, why
{
    skipped=$((skipped + 1))
    printf 'skip %s: %s\n' "$1" "$2"
}

log_tail()
{
    printf -- '-- the end of %s\n' "$1"
    tail -n 40 "$1" | sed 's/^/   | /'
}

# "passed failed skipped" of a log: its last line if that is a count, else what cmocka printed
log_count()
{
    if tail -n 1 "$1" | grep -qxE '[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped'; then
        tail -n 1 "$1" | tr -cd '0-9 ' | tr -s ' '
    else
        awk '/^\[  PASSED  \] [0-9]+ test\(s\)/ { p += $4 }
             /^\[  FAILED  \] [0-9]+ test\(s\)/ { f += $4 }
             /^\[  SKIPPED \] [0-9]+ test\(s\)/ { s += $4 }
             END { print p + 0, f + 0, s + 0 }' "$1"
    fi
}

# Runs one program or script and counts its tests.
run_test() # name, folder of its log, seconds, command...
{
    local name="$1" log="$2/log/$1.log" seconds="$3" code p f s
    shift 3
    mkdir -p "$(dirname "$log")"
    timeout -k 5 "$seconds" "$@" >"$log" 2>&1 </dev/null
    code=$?
    read -r p f s < <(log_count "$log")
    if [ "$code" = 0 ] && [ "$f" = 0 ] && [ $((p + s)) -gt 0 ]; then
        printf 'ok   %s: %s passed%s\n' "$name" "$p" "$([ "$s" = 0 ] || echo ", $s skipped")"
    else
        log_tail "$log"
    fi
    passed=$((passed + p))
    skipped=$((skipped + s))
    grep -E '^(skip |\[  SKIPPED \] [^0-9])' "$log" | sort -u | sed 's/^/     /'
    if [ "$f" != 0 ]; then
        failed=$((failed + f))
        failures+=("$name: $f failed")
    elif [ "$code" = 124 ] || [ "$code" = 137 ]; then
        test_fail "$name" "not done within $seconds s"
    elif [ "$code" != 0 ]; then
        test_fail "$name" "ended with $code"
    elif [ $((p + s)) = 0 ]; then
        test_fail "$name" "ran no test"
    fi
}

# ---- what a suite needs

need_packages()
{
    local missing=() package
    for package in "$@"; do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q ' installed$' ||
            missing+=("$package")
    done
    [ ${#missing[@]} != 0 ] || return 0
    say "installing ${missing[*]}"
    local root=()
    [ "$(id -u)" = 0 ] || root=(sudo -n)
    apt_install "${missing[@]}" 2>/dev/null || { "${root[@]}" apt-get update -qq </dev/null &&
        apt_install "${missing[@]}"; }
}

apt_install()
{
    "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
        --no-install-recommends "$@" </dev/null >/dev/null
}

need_node()
{
    command -v node >/dev/null && command -v npm >/dev/null || need_packages nodejs npm
}

need_build_packages()
{
    [ -n "${build_packages_done:-}" ] && return
    deploy/quickstart.sh --packages </dev/null || return 1
    need_packages libcmocka-dev libcbor-dev
    build_packages_done=yes
}

declare -A built

# Builds a folder once; a build that fails is one failure of its own.
need_build() # folder, cmake arguments...
{
    local folder="$1" log="$1/log/build.log"
    shift
    if [ -z "${built[$folder]:-}" ]; then
        mkdir -p "$folder/log"
        need_build_packages || { test_fail "$folder" "packages are missing"; return 1; }
        say "building $folder"
        if { cmake -S . -B "$folder" -G Ninja "$@" && ninja -C "$folder" -j "$JOBS" -k 0; } \
            >"$log" 2>&1 </dev/null; then
            built[$folder]=yes
        else
            built[$folder]=no
            grep -aE -A 3 'error:|FAILED:|not found|CMake Error' "$log" |
                grep -v '^/usr/bin' | cut -c1-160 |
                head -n 40 | sed 's/^/   | /'
            test_fail "$folder" "does not build"
        fi
    fi
    [ -e "$folder/build.ninja" ]
}

need_release()
{
    need_build build
}

need_dev()
{
    need_build build-dev -DSAN=dev -DTESTS=ON
}

# After a build that failed for one program the others still count, but never an old one.
is_built() # folder, program
{
    [ -x "$1/$2" ] && { [ "${built[$1]}" = yes ] ||
        ninja -C "$1" -n "$2" 2>/dev/null | grep -q 'no work to do'; }
}

# Every source that matches is a program of that name in the folder.
run_programs() # suite, folder, seconds, sources...
{
    local suite="$1" folder="$2" seconds="$3" source name any=no
    shift 3
    for source in "$@"; do
        [ -e "$source" ] || continue
        any=yes
        name="$(basename "${source%.c}")"
        if is_built "$folder" "$name"; then
            run_test "$name" "$folder" "$seconds" "$folder/$name"
        else
            test_fail "$name" "is not built in $folder"
        fi
    done
    [ "$any" = yes ] || test_skip "$suite" "no source matches"
}

run_scripts() # suite, seconds, scripts...
{
    local suite="$1" seconds="$2" script any=no
    shift 2
    for script in "$@"; do
        [ -e "$script" ] || continue
        any=yes
        run_test "$(basename "${script%.*}")" build "$seconds" "$script"
    done
    [ "$any" = yes ] || test_skip "$suite" "no script matches"
}

# ---- the suites

suite_runner()
{
    runner_counts "0 1 0" 2 'echo "3 passed"' # silence: nothing was counted
    runner_counts "3 0 1" 2 'echo noise; echo "3 passed, 0 failed, 1 skipped"'
    runner_counts "3 2 0" 2 'echo "3 passed, 2 failed, 0 skipped"; exit 1'
    runner_counts "3 1 0" 2 'echo "3 passed, 0 failed, 0 skipped"; kill -SEGV $$'
    runner_counts "0 1 0" 0.2 'echo "[  PASSED  ] is not reached"; sleep 5'
    runner_counts "5 0 0" 2 'echo "[  PASSED  ] 2 test(s)."; echo "[  PASSED  ] 3 test(s)."'
    runner_counts "1 1 1" 2 'echo "[  PASSED  ] 1 test(s)."
        echo "[  SKIPPED ] 1 test(s), listed below:"; echo "[  FAILED  ] 1 test(s), listed below:"'
}

runner_counts() # expected, seconds, shell words
{
    local counts
    counts="$(passed=0 failed=0 skipped=0
        run_test runner build "$2" bash -c "$3" >/dev/null 2>&1
        echo "$passed $failed $skipped")"
    if [ "$counts" = "$1" ]; then
        test_pass
    else
        test_fail runner "'$3' counts as $counts, not $1"
    fi
}

suite_tidy()
{
    need_packages python3 clang-format-14
    run_test tidy build 120 tests/tidy.py
}

suite_purity()
{
    need_packages python3 binutils
    need_build_packages || { test_fail purity "packages are missing"; return; }
    run_test purity build 300 tests/purity.py
}

suite_unit()
{
    need_dev && run_programs unit build-dev "$TEST_SECONDS" tests/unit/*_test.c
}

suite_suite()
{
    need_dev && run_programs suite build-dev "$TEST_SECONDS" tests/suite/*_suite.c
}

suite_stress()
{
    compgen -G 'tests/stress/*_stress.c' >/dev/null || { test_skip stress "no source"; return; }
    need_build build-tsan -DSAN=tsan -DTESTS=ON || return
    run_programs stress build-tsan "$TEST_SECONDS" tests/stress/*_stress.c
    run_programs stress build-tsan "$TEST_SECONDS" tests/unit/*_test.c tests/suite/*_suite.c
    # The real router, its workers on threads; a report of the sanitizer ends it (exit code 66).
    run_test order_tsan build-tsan 300 \
        env CLOS="$PWD/build-tsan/clos" tests/real/order_real.sh 800000
}

suite_talk()
{
    local depth
    need_dev && need_release || return
    for depth in core sim real; do
        run_test "talk-$depth" build-dev 600 build-dev/run_talk --depth "$depth"
    done
}

suite_sim()
{
    need_dev && run_programs sim build-dev 300 tests/sim/sim.c
}

suite_mutants()
{
    run_scripts mutants 1200 tests/mutants.py
}

suite_must()
{
    run_scripts must 300 tests/must.py tests/must/*_must.py tests/must/*_must.sh
}

# A target's corpus is read, not grown: what the run finds goes to the build folder.
fuzz_target() # source
{
    local name corpus found
    name="$(basename "${1%.c}")"
    is_built build-fuzz "$name" || { test_fail "$name" "is not built in build-fuzz"; return; }
    corpus="tests/fuzz/corpus/${name#fuzz_}"
    found="build-fuzz/found/$name"
    local arguments=(-max_total_time="$FUZZ_SECONDS" -timeout=10 -rss_limit_mb=2048
        -print_final_stats=1 -artifact_prefix="build-fuzz/found/$name-")
    mkdir -p "$found" build-fuzz/log
    [ -d "$corpus" ] && arguments+=("$found" "$corpus") || arguments+=("$found")
    [ -e "tests/fuzz/${name#fuzz_}.dict" ] && arguments+=(-dict="tests/fuzz/${name#fuzz_}.dict")
    if timeout -k 5 $((FUZZ_SECONDS + 120)) "build-fuzz/$name" "${arguments[@]}" \
        >"build-fuzz/log/$name.log" 2>&1 </dev/null; then
        printf 'ok   %s: %s inputs\n' "$name" \
            "$(sed -n 's/^stat::number_of_executed_units: //p' "build-fuzz/log/$name.log")"
        test_pass
    else
        log_tail "build-fuzz/log/$name.log"
        test_fail "$name" "an input breaks it"
    fi
}

suite_fuzz()
{
    local source
    compgen -G 'tests/fuzz/fuzz_*.c' >/dev/null || { test_skip fuzz "no source"; return; }
    need_packages clang-14 libclang-rt-14-dev
    command -v clang-14 >/dev/null || { test_skip fuzz "clang-14 is missing"; return; }
    need_build build-fuzz -DSAN=fuzz -DTESTS=ON -DCMAKE_C_COMPILER=clang-14 || return
    for source in tests/fuzz/fuzz_*.c; do
        fuzz_target "$source"
    done
}

suite_real()
{
    local script scripts=()
    need_packages openssl python3 # certificates for a day, and helpers
    need_release && need_dev || return # some run a helper of tests/real beside the binary
    for script in tests/real/*_real.sh tests/real/*_real.py; do
        case "$script" in
        */interop_real.* | */order_real.*) ;;
        *) scripts+=("$script") ;;
        esac
    done
    run_scripts real "$REAL_SECONDS" "${scripts[@]}"
}

suite_interop()
{
    need_release || return
    need_node
    need_packages python3-autobahn python3-twisted python3-cbor2 python3-msgpack
    run_scripts interop 600 tests/real/interop_real.sh
}

suite_order()
{
    need_release && run_scripts order 300 tests/real/order_real.sh tests/real/order_real.py
}

suite_elf()
{
    need_release || return
    need_packages binutils
    local program
    [ -x build/clos ] || { test_skip elf "there is no build/clos yet"; return; }
    for program in build/clos; do
        elf_has "$program is position independent" readelf -hW "$program" 'Type: +DYN'
        elf_has "$program makes its tables read-only" readelf -lW "$program" 'GNU_RELRO'
        elf_has "$program binds at start" readelf -dW "$program" 'BIND_NOW|FLAGS_1.*NOW'
        elf_has "$program has a stack that does not execute" readelf -lW "$program" \
            'GNU_STACK.* RW +0x'
        elf_has "$program guards its stack" readelf -sW "$program" '__stack_chk_fail'
        elf_has "$program uses checked string functions" readelf -sW "$program" '__\w+_chk\b'
        elf_lacks "$program has no path of its build machine" readelf -dW "$program" \
            'RPATH|RUNPATH'
    done
}

elf_says() # readelf, option, program, pattern; all is read, or readelf dies of a closed pipe
{
    "$1" "$2" "$3" 2>/dev/null | grep -E "$4" >/dev/null
}

elf_has() # what, readelf, option, program, pattern
{
    if elf_says "${@:2}"; then
        test_pass
    else
        test_fail elf "not true: $1"
    fi
}

elf_lacks()
{
    if elf_says "${@:2}"; then
        test_fail elf "not true: $1"
    else
        test_pass
    fi
}

# ---- the run

main()
{
    local row name wanted=()
    if [ "${1:-}" = --list ]; then
        printf '%s\n' "${suites[@]}"
        exit 0
    fi
    for name in "$@"; do
        printf '%s\n' "${suites[@]}" | grep -q "^$name:" || {
            echo "no suite $name; tests/run.sh --list names them" >&2
            exit 2
        }
    done
    for row in "${suites[@]}"; do
        name="${row%%:*}"
        [ $# = 0 ] || case " $* " in *" $name "*) ;; *) continue ;; esac
        wanted+=("$row")
    done
    for row in "${wanted[@]}"; do
        say "$row"
        "suite_${row%%:*}"
    done
    if [ ${#failures[@]} -gt 0 ]; then
        say "failed"
        printf '   %s\n' "${failures[@]}"
    fi
    say "$SECONDS s"
    printf '%s passed, %s failed, %s skipped\n' "$passed" "$failed" "$skipped"
    [ "$failed" = 0 ]
}

main "$@"
