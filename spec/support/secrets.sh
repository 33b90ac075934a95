#!/bin/sh
# What must never lie anywhere: keys, signing secrets, client secrets, card numbers, tokens, passwords, links that let
# somebody in. `secrets.sh FOLDER` looks through every file called log below the folder, `secrets.sh URL` through every
# column of texts of a database; what is found is printed, cut short. run_file.sh asks after every spec file,
# spec/core/db/cluster.lua before a cluster goes.
set -u
psql=/usr/lib/postgresql/15/bin/psql

# Extended regular expressions, as grep and PostgreSQL read them alike.
pattern=$(grep -v '^#' <<'END' | paste -sd '|' -
[sr]k_(test|live)_[[:alnum:]]
whsec_[[:alnum:]]
_secret_[[:alnum:]]{6}
client_secret\\?"? *[:=] *\\?"?[[:alnum:]]
(Bearer|Basic) +[[:alnum:]+/_=.-]{16}
(^|[^[:alnum:]./_-])eyJ[[:alnum:]_-]{8,}[.][[:alnum:]_-]
"(password|refreshToken|accessToken)\\?" *: *\\?"
correct horse 1|souk-demo-2026
/connect/(onboard|express)/[[:alnum:]]|(connect|express)[.]stripe[.]com
(^|[^[:alnum:].-])(4[0-9]{3}|5[1-5][0-9]{2}|6011)([ -]?[0-9]{4}){3}($|[^[:alnum:].-])
(^|[^[:alnum:].-])3[47][0-9]{13}($|[^[:alnum:].-])
END
)

# Every column of texts of a database that holds one of them, with the place. A table without pages has never had a row.
in_database() {
    # shellcheck disable=SC2016  # the dollars are PostgreSQL's
    printf '%s' '
        do $scan$
        declare
            v record;
            v_found text;
        begin
            for v in
                select c.relname as table_name, a.attname as column_name
                from pg_class c join pg_attribute a on a.attrelid = c.oid
                join pg_type t on t.oid = a.atttypid
                where c.relnamespace = current_schema()::regnamespace and pg_relation_size(c.oid) > 0
                    and c.relkind in ($$r$$, $$m$$) and a.attnum > 0 and not a.attisdropped
                    and (t.typname in ($$text$$, $$jsonb$$, $$json$$, $$bytea$$) or t.typcategory = $$A$$)
            loop
                execute format($$select substring(%1$I::text from %3$L) from %2$I where %1$I::text ~ %3$L limit 1$$,
                    v.column_name, v.table_name, $re$.{0,20}('"$pattern"').{0,4}$re$)
                into v_found;
                if v_found is not null then
                    raise warning $$secret in %.%: %$$, v.table_name, v.column_name, left(v_found, 40);
                end if;
            end loop;
        end;
        $scan$;' | $psql -X -q -d "$1" 2>&1 | grep -iE 'secret in|error'
}

if [ -d "$1" ]; then
    find "$1" -type f -name log -exec grep -aEoH ".{0,20}($pattern).{0,4}" {} + | cut -c1-300 | head -n 5
else
    in_database "$1"
fi
exit 0
