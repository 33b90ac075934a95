create or replace function tracking_json(p_carrier text, p_tracking_number text)
returns jsonb language sql immutable as $$
    select case when p_carrier is not null or p_tracking_number is not null then
        jsonb_build_object('carrier', p_carrier, 'trackingNumber', p_tracking_number) end;
$$;
