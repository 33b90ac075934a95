-- Refuses ids that are no category, each by its place in the list.
create or replace function category_require(p_ids uuid[]) returns void language plpgsql stable as $$
declare
    v_details jsonb;
begin
    select jsonb_agg(
        jsonb_build_object('field', 'categoryIds.' || (w.place - 1), 'message', 'is not a category')
        order by w.place
    )
    into v_details
    from unnest(p_ids) with ordinality as w (id, place)
    where not exists (select from categories where categories.id = w.id);
    if v_details is not null then
        raise exception using
            errcode = 'SK422',
            message = 'some fields are invalid: see details',
            detail = v_details::text;
    end if;
end;
$$;
