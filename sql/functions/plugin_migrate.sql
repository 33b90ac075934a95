-- Runs the text of one migration of a plugin, as the plugin: what it makes is its own, and it can
-- touch nothing else. Once a file: false when it was applied; a file that changed since is refused.
create or replace function plugin_migrate(
    p_plugin text, p_file text, p_sha256 text, p_text text
) returns boolean language plpgsql as $$
declare
    v_known text;
begin
    perform pg_advisory_xact_lock(hashtextextended('plugin:' || p_plugin, 0));
    select sha256 into v_known from plugin_migrations where plugin = p_plugin and file = p_file;
    if v_known = p_sha256 then
        return false;
    elsif v_known is not null then
        raise exception
            'plugins/%/sql/migrations/% was changed after it was applied: add a new file',
            p_plugin, p_file using errcode = 'SK409';
    end if;
    perform set_config('search_path', 'plugin_' || p_plugin || ', pg_temp', true);
    perform set_config('role', 'plugin_' || p_plugin, true);
    begin
        execute p_text;
    exception when others then
        raise exception 'plugins/%/sql/migrations/%: %', p_plugin, p_file, sqlerrm
            using errcode = 'SK409';
    end;
    set local role none;
    perform set_config('search_path', 'public', true);
    insert into plugin_migrations (plugin, file, sha256) values (p_plugin, p_file, p_sha256);
    return true;
end;
$$;
