#!/bin/sh
# `./souk test`: every spec file in a process and a database of its own, one more at a time than
# there are cores since many wait, against the sanitized build. Sourced by the launcher, whose
# functions it uses. Each database is a copy of one migrated template in a cluster that lives only
# as long as the run, so that fsync can be off.
# SOUK_TEST_JOBS files run at once; one may take SOUK_TEST_TIMEOUT (300) seconds. For long runs
# SOUK_TEST_BUILD=release takes the binary without sanitizers.
# A file that failed beside others is run again alone. It has to pass three times in a row, so that
# what fails every other time stays a failure, and is named at the end as unsteady: a bug, of the
# spec or of souk, that somebody has to find. Sanitizer reports and leaked secrets are final.

PLENTY_KB=12582912

spec_files() {
    if [ $# = 0 ]; then
        cd "$ROOT" || exit 1
        set -- spec plugins
    fi
    find "$@" -name node_modules -prune -o -name '*_spec.lua' -print | sort
}

# The order: long ones first and short ones last, so that all jobs end together.
long_first() {
    sed -E 's,^(.*spec/(fault|property|conformance|gates|souk_spec|tidy/style)),0 \1,; t
        s,^(.*spec/(api|lua/flows|delivery|endpoints|sql/(payout|refund|dispute|search|bank)|core/db)),1 \1,; t
        s,^,2 ,' | sort -s -k1,1 | cut -d ' ' -f 2-
}

# Memory where there is plenty: thousands of databases come and go, and a file system on disk looks
# through all the files that it deleted of late for each that it makes.
test_place() {
    free_kb=$(df -Pk /dev/shm 2>/dev/null | awk 'NR == 2 { print $4 }')
    memory_kb=$(awk '/^MemAvailable/ { print $2 }' /proc/meminfo)
    if [ -z "${TMPDIR:-}" ] && [ "${free_kb:-0}" -gt "$PLENTY_KB" ] &&
        [ "${memory_kb:-0}" -gt "$PLENTY_KB" ]; then
        echo /dev/shm
    else
        echo "${TMPDIR:-/tmp}"
    fi
}

start_test_database() {
    # shellcheck disable=SC2034  # read by pg_start
    PG_EXTRA="fsync = off
synchronous_commit = off
full_page_writes = off
max_wal_size = 2GB"
    pg_start
    sql "$(pg_url postgres)" -c 'create database souk_template'
    DATABASE_URL=$(pg_url souk_template) "$SOUK_BINARY" migrate --conf "$SOUK_CONF" \
        >"$SOUK_HOME/log/migrate.log" 2>&1 || {
        tail -n 20 "$SOUK_HOME/log/migrate.log" >&2
        die "the migration of the test database failed"
    }
}

stop_test() {
    trap '' INT TERM HUP
    pg_stop
    [ -z "${place:-}" ] || rm -rf "$place"
    # A server that was just killed may still be writing.
    rm -rf "$SOUK_HOME" 2>/dev/null || { sleep 1; rm -rf "$SOUK_HOME"; }
}

run_specs() {
    preset=${SOUK_TEST_BUILD:-sanitize}
    build "$preset"
    files=$(spec_files "$@" | long_first)
    # What spec/gates counts is the release build, whatever the others run with.
    case $files in *spec/gates/*) build release ;; esac
    began_s=$(date +%s)
    SOUK_HOME=$(mktemp -d "$(test_place)/souk-test-XXXXXX")
    chmod 711 "$SOUK_HOME"
    SOUK_CONF=$ROOT/conf/test.conf
    unset STRIPE_CONNECT_WEBHOOK_SECRETS
    unset STRIPE_SECRET_KEY STRIPE_WEBHOOK_SECRETS SOUK_AUTH_SECRET SOUK_PORT DATABASE_URL
    trap 'trap - EXIT; set +e; exec >/dev/null 2>&1; stop_test; exit 130' INT TERM HUP
    # shellcheck disable=SC2154  # it is assigned in the same line
    trap 'status=$?; stop_test; exit $status' EXIT
    mkdir -p "$SOUK_HOME/log" "$SOUK_HOME/run" "$SOUK_HOME/media" "$SOUK_HOME/out"
    # A binary of its own, so that a build meanwhile does not pull it away.
    SOUK_BINARY=$SOUK_HOME/souk
    cp "$ROOT/build/$preset/souk" "$SOUK_BINARY"
    start_test_database
    cd "$ROOT" || exit 1
    # The reports of both sanitizers go to stderr, where the runner and server.lua look for them.
    export SOUK_HOME SOUK_CONF SOUK_BINARY ASAN_OPTIONS=detect_leaks=1:exitcode=99
    export UBSAN_OPTIONS=print_stacktrace=1 SOUK_TEST_DATABASE_URL
    SOUK_TEST_DATABASE_URL=$(pg_url @@)
    printf '%s\n' "$files" | grep . |
        xargs -r -P "${SOUK_TEST_JOBS:-$(($(nproc) + 1))}" -I '{}' sh spec/support/run_file.sh '{}' >&2 || true
    unsteady=$(failed_files | while read -r file; do run_again "$file"; done)
    summary
}

# The files that failed, when they are few: many are no accident.
failed_files() {
    cat "$SOUK_HOME"/out/*.again >"$SOUK_HOME/again" 2>/dev/null || return 0
    [ "$(grep -c . "$SOUK_HOME/again")" -gt 3 ] || cat "$SOUK_HOME/again"
}

# Prints the name of the file when it passes alone.
run_again() {
    for _ in 1 2 3; do
        sh spec/support/run_file.sh "$1" </dev/null >&2
        ! grep -qxF "$1" "$SOUK_HOME"/out/*.again 2>/dev/null || return 0
    done
    echo "$1"
}

# The last line is "N passed, N failed". A run without a single test is a failure too.
summary() {
    passed=$(cat "$SOUK_HOME"/out/*.passed 2>/dev/null | awk '{n += $1} END {print n + 0}')
    failed=$(cat "$SOUK_HOME"/out/*.failed 2>/dev/null | awk '{n += $1} END {print n + 0}')
    say "$(printf '%s\n' "$files" | grep -c .) files in $(($(date +%s) - began_s)) s"
    for file in $unsteady; do
        say "unsteady: $file failed beside others (above) and passed three times alone"
    done
    if [ "$passed" = 0 ] && [ "$failed" = 0 ]; then
        say "no test was found: name files or folders that hold *_spec.lua"
        failed=1
    fi
    echo "$passed passed, $failed failed"
    [ "$failed" = 0 ]
}
