-- What an order costs less, by name and bearer, over all its vendors.
create or replace function order_discounts_json(p_order_id uuid, p_currency text) returns jsonb
language sql stable as $$
    select coalesce(jsonb_agg(jsonb_build_object('name', d.name, 'bearer', d.bearer,
        'amount', money_json(d.amount, p_currency)) order by d.first, d.name, d.bearer), '[]')
    from (
        select name, bearer, sum(amount_minor)::bigint as amount, min(position) as first
        from order_discounts where order_id = p_order_id group by name, bearer
    ) as d;
$$;
