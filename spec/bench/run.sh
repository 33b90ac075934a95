#!/bin/sh
# `./souk bench [NAME]... [--peers] [--quick] [--list] [--write] [--count N]`: souk and its peers side
# by side on this machine. This file makes the place (a cluster with fsync on in a folder of its own)
# and cleans it up; main.lua says what is measured. SOUK_BENCH_KEEP=FOLDER keeps the databases there
# for the next run, for those of a million products take minutes to make.
set -eu
case " $* " in *" --list "* | *" --help "*) LUA_PATH="./?.lua;;" exec luajit spec/bench/main.lua "$@" ;; esac
home=${SOUK_BENCH_KEEP:-}
[ -n "$home" ] || home=$(mktemp -d /tmp/souk-bench-XXXXXX)
mkdir -p "$home"
chmod 711 "$home"
export SOUK_HOME="$home" SOUK_BENCH_HOME="$home" LUA_PATH="./?.lua;;"
export SOUK_BENCH_PEERS_HOME="${SOUK_BENCH_PEERS_HOME:-$PWD/build/bench-peers}"
unset DATABASE_URL STRIPE_SECRET_KEY STRIPE_WEBHOOK_SECRETS SOUK_PORT SOUK_CONF
SOUK_BINARY=build/release/souk
SOUK_BENCH_LOAD_BEFORE=$(cut -d ' ' -f 1 /proc/loadavg)
export SOUK_BINARY SOUK_BENCH_LOAD_BEFORE

stop() {
    trap '' INT TERM HUP
    for peer in "$home"/*.peer; do
        [ ! -f "$peer" ] || { kill "$(cat "$peer")" 2>/dev/null || true; rm -f "$peer"; }
    done
    ./souk postgres stop >/dev/null 2>&1 || true
    [ -n "${SOUK_BENCH_KEEP:-}" ] || rm -rf "$home"
}
trap 'exit 130' INT TERM HUP
trap stop EXIT

case " $* " in *" --peers "*) sh spec/bench/peers.sh "$SOUK_BENCH_PEERS_HOME" >&2 ;; esac
gcc -O2 -pthread -o "$home/load" spec/bench/load.c
mkdir -p "$home/run" "$home/log"
rm -f "$home"/*.peer
./souk postgres start >&2
socket=$(cat "$home/run/socket" 2>/dev/null || (cd "$home/pg/" && pwd -P))
export SOUK_BENCH_DATABASE="host='$socket' user=souk dbname=@@"
luajit spec/bench/main.lua "$@"
