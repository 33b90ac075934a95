#!/bin/sh
# Gets the peers that are not installed into a folder of their own: peers.sh FOLDER. Debian's Lua
# module for nginx wants another LuaJIT than souk's and would remove it, and Redis would start a
# server, so their packages are unpacked and not installed; pg, NestJS and Prisma come by npm.
# Nothing of the system is changed but nginx itself, by apt-get when it is missing.
set -eu
folder=$1
mkdir -p "$folder/packages"
command -v nginx >/dev/null || DEBIAN_FRONTEND=noninteractive apt-get install -y -q \
    --no-install-recommends nginx-light
# unpack FILE PACKAGE...: into the folder, unless FILE is there.
unpack() {
    [ ! -e "$folder/$1" ] || return 0
    shift
    rm -f "$folder"/packages/*.deb
    (cd "$folder/packages" && apt-get download "$@")
    for package in "$folder"/packages/*.deb; do dpkg -x "$package" "$folder"; done
}

unpack usr/lib/nginx/modules/ngx_http_lua_module.so libnginx-mod-http-lua libnginx-mod-http-ndk \
    libluajit2-5.1-2 lua-resty-core lua-resty-lrucache lua-cjson
unpack usr/bin/redis-server redis-server redis-tools liblzf1 libjemalloc2 liblua5.1-0 lua-bitop \
    libhiredis0.14
if [ ! -e "$folder/node_modules/pg/package.json" ] && command -v npm >/dev/null; then
    npm install --no-audit --no-fund --silent --prefix "$folder" pg@8
fi
# Prisma would fetch an engine that only its migrations need: a name of any file keeps it from that.
made=$folder/nestjs/dist/server.js
if command -v npm >/dev/null && { [ ! -e "$made" ] || [ -n "$(find spec/bench/nestjs -type f \
    -newer "$made")" ]; }; then
    mkdir -p "$folder/nestjs"
    cp spec/bench/nestjs/* "$folder/nestjs/"
    (
        cd "$folder/nestjs"
        npm install --no-audit --no-fund --silent
        PRISMA_SCHEMA_ENGINE_BINARY=/bin/true npx prisma generate --schema schema.prisma >/dev/null
        npx tsc -p .
    )
fi
