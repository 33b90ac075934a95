#!/bin/sh
# Runs one spec file (run.sh calls this, several at once): makes its database, collects its output,
# prints one line, what was skipped, and the whole output when something failed. Leaves <id>.passed
# and <id>.failed, and <id>.again with the file's name when it failed in a way that may be tried again.
set -u
file=$1
id=spec_$(printf %s "$file" | cksum | cut -d ' ' -f 1)
out=$SOUK_HOME/out/$id
admin=$(printf %s "$SOUK_TEST_DATABASE_URL" | sed 's/@@/postgres/')
query() { /usr/lib/postgresql/15/bin/psql -X -q -A -t -v ON_ERROR_STOP=1 -d "$admin" -c "$1"; }

rm -f "$out.again"
now_ms() { echo $(($(date +%s%N) / 1000000)); }

# The file's own database, and those that it has made.
databases() {
    query "select datname from pg_database where datname = '$id' or starts_with(datname, '${id}_')"
}

# Copying files takes a tenth of what writing each page down takes, where nothing is flushed.
query "create database $id template souk_template strategy file_copy" >"$out.log" 2>&1
began_ms=$(now_ms)
status=0
mkdir -p "$out.home"
SOUK_HOME=$out.home DATABASE_URL=$(printf %s "$SOUK_TEST_DATABASE_URL" | sed "s/@@/$id/") \
    timeout -k 5 "${SOUK_TEST_TIMEOUT:-$((300 + ${SOUK_HISTORIES:-0} * 30))}" \
    "$SOUK_BINARY" spec --conf "$SOUK_CONF" "$file" >>"$out.log" 2>&1 </dev/null || status=$?
took_ms=$(($(now_ms) - began_ms))

# busted closes with "12 successes / 0 failures / 0 errors / 0 pending : 1.5 seconds".
closing=$(grep -E '^[0-9]+ success' "$out.log" | tail -n 1)
passed=$(printf %s "${closing:-0}" | cut -d ' ' -f 1)
failed=$(printf %s "$closing" | sed -E 's,.*/ ([0-9]+) failures? / ([0-9]+) errors?.*,\1 + \2,')
failed=$((${failed:-0}))
why=
if [ "$failed" = 0 ] && [ $status != 0 ]; then
    failed=1
    why=" (ended with $status)"
elif [ $status = 0 ] && [ "$((passed + failed))" = 0 ]; then
    failed=1
    why=" (no test ran)"
fi
[ "$failed" = 0 ] || echo "$file" >"$out.again"
if grep -qE 'Sanitizer: |runtime error: ' "$out.log"; then
    rm -f "$out.again"
    failed=$((failed + 1))
    why="$why (sanitizer report)"
fi
# Nothing that lets somebody in may be left in a log or a database, whatever the file was about.
leaks() {
    sh spec/support/secrets.sh "$out.home"
    databases | while read -r name; do
        sh spec/support/secrets.sh "$(printf %s "$SOUK_TEST_DATABASE_URL" | sed "s/@@/$name/")"
    done
}
leaked=$(leaks)
if [ -n "$leaked" ]; then
    rm -f "$out.again"
    printf 'left behind:\n%s\n' "$leaked" >>"$out.log"
    failed=$((failed + 1))
    why="$why (a secret in a log or a database)"
fi
echo "$passed" >"$out.passed"
echo "$failed" >"$out.failed"
mark=ok
[ "$failed" = 0 ] || mark=FAIL
{
    [ "$failed" = 0 ] || cat "$out.log"
    printf '%-4s %4d passed %3d failed %4d.%d s  %s%s\n' $mark "$passed" "$failed" \
        $((took_ms / 1000)) $((took_ms % 1000 / 100)) "$file" "$why"
    [ "$failed" != 0 ] || grep -E '^(skipped|told): ' "$out.log"
} >"$out.line" 2>&1
cat "$out.line"
# What a spec has left running is ended here, for it was started in a session of its own.
for left in "$out.home"/*/pid; do
    [ -f "$left" ] && [ ! -f "${left%pid}rc" ] && kill -KILL "$(cat "$left")" 2>/dev/null
done
databases | while read -r name; do
    query "drop database if exists $name with (force)" >/dev/null 2>&1
done
rm -rf "$out.home"
exit 0
