#!/usr/bin/env bash
# The client verbs of the release binary against the release binary's router: every URL scheme with
# every serializer, every exit code, the shapes of the output. TLS stands in front of the router as
# a small terminating relay (openssl s_server cannot relay, so Python does).
#
# CLOS names the binary. Waits only for facts: a line that was printed, a process that ended.
set -uo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
CLOS="${CLOS:-$PWD/build/clos}"
python=/usr/bin/python3
folder="$(mktemp -d "${TMPDIR:-/tmp}/clos-cli.XXXXXX")"
started=()
passed=0
failed=0
skipped=0
unset "${!CLOS_@}" "${!WAMP_@}" CBURL CBREALM FORCE_COLOR NO_COLOR 2>/dev/null

cleanup()
{
    for pid in "${started[@]}"; do
        kill "$pid" 2>/dev/null
    done
    wait 2>/dev/null
    rm -rf "$folder"
}
trap cleanup EXIT

verb()
{
    timeout -k 2 20 "$CLOS" "$@"
}

# The same beside us. Its own --timeout bounds it: timeout(1) would hand signals on with a SIGCONT,
# which confuses a leak sanitizer's look at the end.
background()
{
    "$CLOS" "$1" --timeout 20 "${@:2}" &
}

# name, expected, got
is()
{
    if [ "$2" = "$3" ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        printf 'FAIL %s\n  expected: %s\n  got:      %s\n' "$1" "$2" "$3"
    fi
}

# Waits until a file has N lines that match a pattern, 10 s at most.
await() # file, pattern, lines
{
    for _ in $(seq 500); do
        [ "$(grep -c -- "$2" "$1" 2>/dev/null)" -ge "${3:-1}" ] && return 0
        sleep 0.02
    done
    return 1
}

# Asks the router until a procedure is there.
await_procedure() # url, procedure
{
    for _ in $(seq 100); do
        verb call --url "$1" "$2" ready >/dev/null 2>&1
        [ $? != 3 ] && return 0
        sleep 0.02
    done
    return 1
}

# ---- the router, and TLS before it

"$CLOS" start --listen tcp://127.0.0.1:0 --listen "unix:$folder/sock" --print-ports \
    >"$folder/ports" 2>"$folder/router.log" </dev/null &
started+=($!)
if ! await "$folder/ports" '^listening ' 2; then
    cat "$folder/router.log"
    echo "0 passed, 1 failed, 0 skipped"
    exit 1
fi
port="$(sed -n 's#^listening tcp://127.0.0.1:##p' "$folder/ports")"

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=x \
    -addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout "$folder/key.pem" \
    -out "$folder/cert.pem" 2>/dev/null
"$python" - "$port" "$folder" >"$folder/tls" 2>"$folder/tls.log" <<'PYTHON' &
import asyncio, ssl, sys
port, folder = int(sys.argv[1]), sys.argv[2]
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(folder + "/cert.pem", folder + "/key.pem")

async def pump(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except (OSError, ssl.SSLError):
        pass
    finally:
        writer.close()

async def relay(reader, writer):
    other_reader, other_writer = await asyncio.open_connection("127.0.0.1", port)
    await asyncio.gather(pump(reader, other_writer), pump(other_reader, writer))

async def main():
    server = await asyncio.start_server(relay, "127.0.0.1", 0, ssl=context)
    print("listening", server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()

asyncio.run(main())
PYTHON
started+=($!)
await "$folder/tls" '^listening '
tls="$(sed -n 's/^listening //p' "$folder/tls")"

plain="rs://127.0.0.1:$port"

# ---- every scheme with every serializer

schemes=(
    "rs://127.0.0.1:$port"
    "tcp://localhost:$port"
    "ws://127.0.0.1:$port/ws"
    "unix:$folder/sock"
    "rs://unix:$folder/sock"
    "rs://$folder/sock"
    "ws+unix://$folder/sock:/ws"
    "rss://127.0.0.1:$tls"
    "tls://localhost:$tls"
    "wss://localhost:$tls/ws"
)
event='"args":[1,-2.5,true,null,[1,{"b":2}],"42","\u0000/wA=","héllo"],"kwargs":{"a":"b","n":7}'
for url in "${schemes[@]}"; do
    for serializer in json msgpack cbor; do
        with=(--url "$url" --serializer "$serializer" --ca "$folder/cert.pem")
        name="$url $serializer"
        # A subscriber that has its SUBSCRIBED cannot say so: events are sent until it has its two.
        background sub "${with[@]}" com.cli.topic --count 2 --json >"$folder/sub" 2>&1
        sub=$!
        while kill -0 $sub 2>/dev/null; do
            verb pub "${with[@]}" --ack com.cli.topic 1 -2.5 true null '[1,{"b":2}]' '"42"' \
                0xff00 héllo -k a=b -k n=7 >"$folder/pub" 2>&1
            code=$?
            [ $code = 0 ] || break
        done
        is "$name pub" 0 $code
        wait $sub
        is "$name sub" 0 $?
        line="{\"topic\":\"com.cli.topic\",$event,\"details\":{}}"
        is "$name event" "$line
$line" "$(cat "$folder/sub")"
        background register "${with[@]}" com.cli.echo --echo >"$folder/reg" 2>&1
        register=$!
        await_procedure "$plain" com.cli.echo
        is "$name call" '7 "x" 0xff k=1.5' \
            "$(verb call "${with[@]}" com.cli.echo 7 x 0xff -k k=1.5 2>&1)"
        kill $register
        wait $register
        is "$name register ended by SIGTERM" 143 $?
    done
done

# ---- exit codes

verb call --url "$plain" com.cli.nobody >"$folder/out" 2>"$folder/err"
is "a call of nothing exits with 3" 3 $?
is "and says so on stderr" "|clos: wamp.error.no_such_procedure" \
    "$(cat "$folder/out")|$(cut -d: -f1,2 "$folder/err" | head -n 1)"
is "and as JSON on stdout" '{"error":"wamp.error.no_such_procedure"' \
    "$(verb call --url "$plain" --json com.cli.nobody | cut -d, -f1)"
verb pub --url "$plain" --ack 'bad uri' >/dev/null 2>&1
is "a refused publication exits with 3" 3 $?
verb sub >/dev/null 2>"$folder/err"
is "misuse exits with 2" "2|clos: the topic is missing|try 'clos help sub'" \
    "$?|$(paste -sd'|' "$folder/err")"
verb call --nonsense com.x >/dev/null 2>"$folder/err"
is "an unknown option is misuse" "2|clos: unknown option --nonsense|try 'clos help call'" \
    "$?|$(paste -sd'|' "$folder/err")"
verb call --url "$plain" com.x '[1,' >/dev/null 2>&1
is "an argument that is no value is misuse" 2 $?
verb call --url nonsense com.x >/dev/null 2>&1
is "a bad URL is misuse" 2 $?
CLOS_URL=nonsense verb call com.x >/dev/null 2>&1
is "a bad URL of the environment is a bad setting" 78 $?
verb pub --url "unix:$folder/nothing" com.x >/dev/null 2>&1
is "no router exits with 69" 69 $?
verb pub --url "$plain" --realm no.such.realm com.x >/dev/null 2>&1
is "no realm exits with 69" 69 $?
verb pub --url "ws://127.0.0.1:$port/nowhere" com.x >/dev/null 2>"$folder/err"
is "a refused handshake exits with 76" "76|clos: the router refused WebSocket: HTTP 404 Not Found" \
    "$?|$(cat "$folder/err")"
verb pub --url "rss://127.0.0.1:$tls" com.x >/dev/null 2>"$folder/err"
is "a certificate nobody trusts exits with 69" \
    "69|clos: the router's certificate is not trusted" "$?|$(cut -d: -f1,2 "$folder/err")"
verb pub --url "rss://127.0.0.1:$tls" --insecure com.x
is "but not with --insecure" 0 $?
verb pub --url "rss://127.0.0.1:$tls" --ca "$folder/nothing" com.x >/dev/null 2>&1
is "no file of authorities is a bad setting" 78 $?
verb pub --url "$plain" --ticket secret --authid me com.x >/dev/null 2>&1
is "a method the router does not offer exits with 77" 77 $?
verb sub --url "$plain" com.x --timeout 0.1 >/dev/null 2>&1
is "--timeout exits with 124" 124 $?
background sub --url "$plain" com.cli.signal >"$folder/signal" 2>&1
sub=$!
until [ -s "$folder/signal" ] || ! verb pub --url "$plain" --ack com.cli.signal up; do :; done
kill -INT $sub
wait $sub
is "Ctrl-C exits with 130" 130 $?

# ---- a command as a callee

background register --url "$plain" com.cli.command --json \
    sh -c 'printf "%s;%s;%s;%s" "$WAMP_ARGS" "$WAMP_KWARGS" "$WAMP_ARGS_JSON" "$WAMP_KWARGS_JSON"' \
    >"$folder/command" 2>&1
started+=($!)
await_procedure "$plain" com.cli.command
is "a command finds the call in its environment" '"1 a b;k=v w;[1,\"a b\"];{\"k\":\"v w\"}"' \
    "$(verb call --url "$plain" com.cli.command 1 'a b' -k 'k=v w')"
await "$folder/command" '"a b"'
is "and its call was shown" \
    '{"procedure":"com.cli.command","args":[1,"a b"],"kwargs":{"k":"v w"},"details":{}}' \
    "$(grep '"a b"' "$folder/command")"
background register --url "$plain" com.cli.typed echo '{"a": [1, 2]}' >/dev/null 2>&1
started+=($!)
await_procedure "$plain" com.cli.typed
is "what it writes is typed as arguments are" '{"a":[1,2]}' \
    "$(verb call --url "$plain" com.cli.typed)"
background register --url "$plain" com.cli.failing sh -c 'exit 5' >/dev/null 2>&1
started+=($!)
for _ in $(seq 100); do
    text="$(verb call --url "$plain" com.cli.failing 2>&1)"
    code=$?
    [ "${text#*no_such_procedure}" = "$text" ] && break
done
is "a command that fails is an ERROR" '3|clos: wamp.error.runtime_error: "exit status 5"' \
    "$code|$text"
background register --url "$plain" com.cli.slow sh -c 'read -r line </dev/zero' >/dev/null 2>&1
started+=($!)
for _ in $(seq 100); do
    text="$(verb call --url "$plain" com.cli.slow --timeout 0.3 2>&1)"
    code=$?
    [ "${text#*no_such_procedure}" = "$text" ] && break
done
is "a call that takes too long exits with 124" 124 $code
background register --url "$plain" com.cli.fixed --result '[1,2]' --count 2 >/dev/null 2>&1
fixed=$!
await_procedure "$plain" com.cli.fixed
is "--result is one value" '[1,2]' "$(verb call --url "$plain" com.cli.fixed)"
wait $fixed
is "--count ends the callee" 0 $?

# ---- many messages, lines, patterns, settings

background sub --url "rss://localhost:$tls" --ca "$folder/cert.pem" --match prefix com.cli.many \
    --count 20001 --json \
    >"$folder/many" 2>&1
many=$!
until verb pub --url "$plain" com.cli.many.first 0 && await "$folder/many" first 1; do :; done
firsts="$(grep -c first "$folder/many")"
seq 20000 | verb pub --url "$plain" com.cli.many.lines line --lines
is "--lines publishes stdin" 0 $?
wait $many
seq 20000 | sed 's/.*/{"topic":"com.cli.many.lines","args":["line",&]/' |
    head -n $((20001 - firsts)) >"$folder/expected"
is "each line arrives once and in order" "$(md5sum <"$folder/expected")" \
    "$(grep lines "$folder/many" | cut -d, -f1-3 | md5sum)"
printf '1\n[2\n' | verb pub --url "$plain" com.cli.x --lines >/dev/null 2>"$folder/err"
is "a line that is no value exits with 65" "65|clos: line 2 of stdin is no value" \
    "$?|$(cat "$folder/err")"
start="$(date +%s%N)"
verb pub --url "$plain" com.cli.x --repeat 11 --rate 50
is "--rate paces" "0|true" "$?|$([ $(($(date +%s%N) - start)) -ge 200000000 ] && echo true)"
CBURL="$plain" CBREALM=realm1 verb pub com.cli.x
is "CBURL is the last to be asked" 0 $?
CBURL=nonsense CLOS_URL="$plain" CLOS_SERIALIZER=cbor verb pub com.cli.x
is "CLOS_URL comes before it" 0 $?
is "--help goes to stdout" "usage: clos pub [OPTION...] TOPIC [ARG...]" \
    "$(verb pub --help 2>/dev/null | head -n 1)"
is "and so does help VERB" "$(verb pub --help)" "$(verb help pub 2>/dev/null)"
background register --url "$plain" com.cli.color --result x >"$folder/color" 2>&1
started+=($!)
await_procedure "$plain" com.cli.color
is "no colour goes into a file" 'com.cli.color "ready"' "$(sed -n 1p "$folder/color")"

printf '%s passed, %s failed, %s skipped\n' $passed $failed $skipped
[ $failed = 0 ]
