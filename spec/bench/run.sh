#!/bin/sh
# `./souk bench [SECONDS]`: measures one worker of the release build against the demo-sized database
# of its own, and small peers on the same machine in the same run, so that ratios mean something
# where absolute figures do not. Medians of 3; the table replaces the one in spec/bench/README.md.
# CPU is read from /proc before and after: the server's worker, and PostgreSQL's processes.
set -eu
SECONDS_EACH=${1:-5}
CONNECTIONS=16
home=$(mktemp -d /tmp/souk-bench-XXXXXX)
chmod 711 "$home"
export SOUK_HOME="$home" SOUK_PORT=3911 SOUK_STRIPE_PORT=3912 SOUK_DEMO=yes
unset DATABASE_URL STRIPE_SECRET_KEY
url=http://127.0.0.1:$SOUK_PORT
load_before=$(cut -d ' ' -f 1 /proc/loadavg)
node_port=3913
node_path=${NODE_PATH:-/usr/share/nodejs}
nginx_port=3914

stop() {
    trap '' INT TERM HUP
    for peer in "$home"/*.peer; do [ ! -f "$peer" ] || kill "$(cat "$peer")" 2>/dev/null || true; done
    ./souk down >/dev/null 2>&1 || true
    rm -rf "$home"
}
trap 'exit 130' INT TERM HUP
trap stop EXIT

# ticks PID...: CPU of these processes and of their children that have ended, in clock ticks.
ticks() {
    for pid in "$@"; do sed 's/.*) //' "/proc/$pid/stat" 2>/dev/null || true; done |
        awk '{ n += $12 + $13 + $14 + $15 } END { print n + 0 }'
}

children() { cat "/proc/$1/task/$1/children" 2>/dev/null || true; }

server_pids() {
    read -r master _ <"$home/run/server.pid"
    children "$master"
}

postgres_pids() {
    postmaster=$(head -n 1 "$home/pg/data/postmaster.pid")
    echo "$postmaster $(children "$postmaster")"
}

# measure NAME PIDS_FUNCTION COMMAND...: the command prints "requests seconds p50_ms p99_ms".
measure() {
    name=$1; pids=$2; shift 2
    # shellcheck disable=SC2046
    for _ in 1 2 3; do
        server_before=$(ticks $($pids)); postgres_before=$(ticks $(postgres_pids))
        result=$("$@")
        server_after=$(ticks $($pids)); postgres_after=$(ticks $(postgres_pids))
        echo "$result $((server_after - server_before)) $((postgres_after - postgres_before))"
    done | sort -n | sed -n 2p | awk -v name="$name" -v hz="$(getconf CLK_TCK)" '{
        printf "| %s | %.0f | %.2f | %.2f | %.0f | %.0f |\n", name, $1 / $2, $3, $4,
            $5 / hz * 1e6 / $1, $6 / hz * 1e6 / $1 }' | tee -a "$home/table" >&2
}

load() { # load URL
    wrk -t1 "-c$CONNECTIONS" "-d${SECONDS_EACH}s" --latency -s spec/bench/report.lua "$1" |
        sed -n 's/^figures //p'
}

# The buyers are made beforehand: what their passwords cost is no part of a checkout.
new_buyer() {
    curl -s "$url/api/auth/register" -H 'Content-Type: application/json' -d '{
        "email": "bench'"$1"'@example.com", "password": "souk-bench-2026", "name": "Bench",
        "role": "BUYER"}' | jq -r .accessToken
}

# shellcheck disable=SC2086  # a list of words is meant
buy() { luajit spec/bench/checkout.lua "$SOUK_PORT" "$SECONDS_EACH" $buyers; }

# A Lua route without database, added to a copy of the application.
cp -r lua "$home/lua"
cp spec/bench/fixed.lua "$home/lua/routes/fixed.lua"
sed -i 's/^for _, name in ipairs(ROUTES) do/ROUTES[#ROUTES + 1] = "fixed"\n&/' "$home/lua/boot.lua"

./souk up -d --set http.workers=1 --set log.level=warn --set "lua.dir=$home/lua" 2>/dev/null
./souk psql -q -c 'update product_stock set stock = stock + 1000000'
product=$(curl -s "$url/api/products/monsoon-coffee-gift-box" | jq -r .id)

if command -v nginx >/dev/null; then
    sed "s,@home@,$home,; s,@port@,$nginx_port," spec/bench/nginx.conf >"$home/nginx.conf"
    nginx -p "$home" -c "$home/nginx.conf" 2>/dev/null & echo $! >"$home/nginx.peer"
fi
if command -v node >/dev/null && NODE_PATH="$node_path" node -e 'require("pg")' 2>/dev/null; then
    NODE_PATH="$node_path" SOCKET=$(cd "$home/pg/" && pwd -P) PORT=$node_port \
        node spec/bench/peer.js & echo $! >"$home/node.peer"
fi
sleep 1

node_pids() { cat "$home/node.peer"; }
nginx_pids() { children "$(cat "$home/nginx.peer")"; }

measure "souk: a Lua route without database" server_pids load "$url/api/bench/fixed"
[ ! -f "$home/nginx.peer" ] ||
    measure "nginx: the same bytes from its configuration" nginx_pids load "http://127.0.0.1:$nginx_port/"
measure "souk: GET /api/products/{id}" server_pids load "$url/api/products/$product"
[ ! -f "$home/node.peer" ] ||
    measure "node:http + pg: the same row" node_pids load "http://127.0.0.1:$node_port/$product"
measure "souk: GET /api/products" server_pids load "$url/api/products"
[ ! -f "$home/node.peer" ] ||
    measure "node:http + pg: the same 20 rows" node_pids load "http://127.0.0.1:$node_port/"
buyers=$(for i in $(seq $CONNECTIONS); do new_buyer "$i"; done)
measure "souk: cart and checkout (two POSTs)" server_pids buy

{
    sed '/^<!-- table -->/q' spec/bench/README.md
    printf '\n%s, %s cores, %s; %s s each, %s connections, load before %s, %s.\n\n' \
        "$(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -n 1)" "$(nproc)" "$(uname -sr)" \
        "$SECONDS_EACH" "$CONNECTIONS" "$load_before" "$(date -u +%Y-%m-%d)"
    echo '| | requests/s | p50 ms | p99 ms | server CPU us | PostgreSQL CPU us |'
    echo '|---|---|---|---|---|---|'
    cat "$home/table"
    awk -F '|' '
        { name = $2; cpu[NR] = $6 + 0; title[NR] = name }
        END { for (i = 2; i <= NR; i++) if (title[i] ~ /node|nginx/ && cpu[i - 1] > 0)
            printf "\nServer CPU of%sover souk: %.1f.\n", title[i], cpu[i] / cpu[i - 1] }' "$home/table"
} >"$home/README.md"
cp "$home/README.md" spec/bench/README.md
