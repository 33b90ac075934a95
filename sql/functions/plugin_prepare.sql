-- The role and the schema of a plugin, made when they are not there, and what it may read of ours:
-- exactly the tables named. Roles are the cluster's: another database may have made it.
create or replace function plugin_prepare(p_name text, p_tables text[]) returns void
language plpgsql as $$
declare
    v_role text := 'plugin_' || p_name;
    v_table text;
begin
    if not exists (select from pg_roles where rolname = v_role) then
        begin
            execute format('create role %I nologin', v_role);
        exception when duplicate_object or unique_violation then
            null;
        end;
    end if;
    if not pg_has_role(current_user, v_role, 'member') then
        execute format('grant %I to current_user', v_role);
    end if;
    execute format('create schema if not exists %I authorization %I', v_role, v_role);
    execute format('revoke all on all tables in schema public from %I', v_role);
    foreach v_table in array p_tables loop
        execute format('grant select on public.%I to %I', v_table, v_role);
    end loop;
    if cardinality(p_tables) > 0 then
        execute format('grant usage on schema public to %I', v_role);
    end if;
end;
$$;
