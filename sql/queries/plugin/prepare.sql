-- $1 plugin, $2 tables it may read. Its role and schema, made when they are not there.
select plugin_prepare($1, $2::text[]);
