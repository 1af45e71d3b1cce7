#!/usr/bin/env bash
# Installs the routers that run.py compares, from package registries only, into a cache directory
# outside the repository. One line each: installed, or why not. Never fails as a whole: run.py takes
# what is there.
#
#   bench/rivals/install.sh             into ${CLOS_CACHE:-~/.cache/clos}/rivals
set -uo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
cache="${CLOS_CACHE:-${HOME:-/tmp}/.cache/clos}/rivals"
nexus=v3.2.1
xconn=v0.1.0
crossbar=26.10.1
fox=0.7.28
mkdir -p "$cache/bin"

report() # name version ok-path log
{
    if [ -e "$3" ]; then
        printf '%-10s installed %s\n' "$1" "$2"
    else
        printf '%-10s NOT installed: %s\n' "$1" "$(grep -v '^ *$' "$4" | tail -1)"
    fi
}

install_go() # name module package version
{
    local log="$cache/$1.log"
    if [ ! -x "$cache/bin/$1" ]; then
        if ! command -v go >"$log"; then
            echo "no go compiler here" >"$log"
        else
            mkdir -p "$cache/go-$1"
            (
                cd "$cache/go-$1" || exit
                export GOPATH="$cache/go" GOFLAGS="-modcacherw -mod=mod"
                [ -e go.mod ] || go mod init rival
                go get "$2/$3@$4" && go build -o "$cache/bin/$1" "$2/$3"
            ) >"$log" 2>&1
        fi
    fi
    report "$1" "$4" "$cache/bin/$1" "$log"
}

install_crossbar()
{
    local log="$cache/crossbar.log"
    if [ ! -x "$cache/crossbar/bin/crossbar" ]; then
        (python3 -m venv "$cache/crossbar" &&
            "$cache/crossbar/bin/pip" install -q "crossbar==$crossbar") >"$log" 2>&1
    fi
    report crossbar "$crossbar" "$cache/crossbar/bin/crossbar" "$log"
}

install_fox()
{
    local log="$cache/fox-wamp.log"
    if [ ! -e "$cache/fox/node_modules/fox-wamp" ]; then
        mkdir -p "$cache/fox"
        if ! command -v npm >"$log"; then
            echo "no npm here" >"$log"
        else
            npm install --prefix "$cache/fox" --no-fund --no-audit --ignore-scripts \
                "fox-wamp@$fox" >"$log" 2>&1
        fi
    fi
    cp "$here/fox.js" "$cache/fox/fox.js"
    report fox-wamp "$fox" "$cache/fox/node_modules/fox-wamp/index.js" "$log"
}

install_go nexus github.com/gammazero/nexus/v3 nexusd "$nexus"
install_go nxt github.com/xconnio/xconn-go cmd/nxt "$xconn"
install_crossbar
install_fox
