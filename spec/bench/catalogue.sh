#!/bin/sh
# `sh spec/bench/catalogue.sh CONNINFO VENDORS PRODUCTS`: fills a migrated database that is empty
# with a catalogue for measuring (catalogue.lua), as its superuser: triggers are off meanwhile.
set -eu
cd "$(dirname "$0")/../.."
psql="${PG_BIN:-/usr/lib/postgresql/15/bin}/psql -X -q -A -t -v ON_ERROR_STOP=1 -d"
layout=$($psql "$1" -c "select case when to_regclass('product_stock') is null
    then 'products' else 'product_stock' end")
luajit spec/bench/catalogue.lua "$2" "$3" "$layout" | $psql "$1" >/dev/null
