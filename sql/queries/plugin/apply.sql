-- $1 plugin, $2 file, $3 sha256, $4 text. Runs a migration of a plugin under its role.
select plugin_migrate($1, $2, $3, $4);
