#!/usr/bin/env bash
# From a fresh Debian 12 with nothing but git to a running router.
#
#   deploy/quickstart.sh                       install what the build needs, build, start
#   deploy/quickstart.sh -- --config my.yaml   the same; what follows -- goes to `clos start`
#   deploy/quickstart.sh --no-run              only install and build
#   deploy/quickstart.sh --packages            only install
#
# May be run again: what is there is left alone. Needs root or sudo only if a package is missing.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
export CLOS_CACHE="${CLOS_CACHE:-${HOME:-/tmp}/.cache/clos}"

packages=(cmake ninja-build gcc libc6-dev pkg-config liburing-dev libssl-dev libsodium-dev
    libmsgpack-dev libck-dev libnng-dev libjansson-dev libyaml-dev zlib1g-dev)

usage()
{
    sed -n '2,9s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
}

say()
{
    printf 'quickstart: %s\n' "$*"
}

as_root()
{
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        say "needs root or sudo for: $*" >&2
        exit 1
    fi
}

apt_quiet()
{
    # the lists of a fresh machine are empty or old: fetch them only when asking failed
    export DEBIAN_FRONTEND=noninteractive
    "$@" >/dev/null 2>&1 </dev/null && return 0
    as_root apt-get update -qq </dev/null
    "$@" </dev/null
}

apt_install()
{
    as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -qq --no-install-recommends "$@"
}

install_packages()
{
    local missing=() package
    for package in "$@"; do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q ' installed$' ||
            missing+=("$package")
    done
    if [ ${#missing[@]} = 0 ]; then
        say "packages: all there"
        return
    fi
    say "packages: installing ${missing[*]}"
    apt_quiet apt_install "${missing[@]}"
}

# The C sources of llhttp come in a package that depends on node, which the router has no use for:
# unpack it into the cache instead of installing it.
unpack_llhttp()
{
    if [ -e /usr/share/llhttp/llhttp.c ] || [ -e "$CLOS_CACHE/llhttp/usr/share/llhttp/llhttp.c" ]
    then
        say "llhttp: there"
        return
    fi
    say "llhttp: unpacking node-llhttp to $CLOS_CACHE/llhttp (without node)"
    local folder
    folder="$(mktemp -d)"
    chmod 755 "$folder"
    (cd "$folder" && apt_quiet apt-get download -qq node-llhttp)
    mkdir -p "$CLOS_CACHE"
    dpkg-deb -x "$folder"/node-llhttp_*.deb "$CLOS_CACHE/llhttp"
    rm -r "$folder"
}

build()
{
    say "building build/clos"
    [ -e build/CMakeCache.txt ] || cmake -S . -B build -G Ninja >/dev/null
    cmake --build build
}

connect_words()
{
    cat <<'WORDS'

  The router will listen on  ws://127.0.0.1:8080/ws  realm  realm1  (stop it with Ctrl-C).
  From another terminal:

    build/clos sub com.example.hello
    build/clos pub com.example.hello '["world"]'

  From a browser or node, with autobahn:

    new autobahn.Connection({url: 'ws://127.0.0.1:8080/ws', realm: 'realm1'}).open()

WORDS
}

run=yes
case "${1:-}" in
--help | -h)
    usage
    exit 0
    ;;
--no-run)
    run=no
    shift
    ;;
--packages)
    run=packages
    shift
    ;;
esac
if [ $# -gt 0 ] && [ "$1" != "--" ]; then
    say "unknown argument $1; arguments of the router go after --" >&2
    exit 2
fi
[ $# = 0 ] || shift

install_packages "${packages[@]}"
unpack_llhttp
[ "$run" != packages ] || exit 0
build
[ "$run" = yes ] || exit 0
[ $# -gt 0 ] || connect_words
exec build/clos start "$@"
