-- $1 plugin
select file, sha256 from plugin_migrations where plugin = $1 order by file;
