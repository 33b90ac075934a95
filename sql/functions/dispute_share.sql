-- Cuts a dispute over the vendor orders of its order by what is left of each and no other dispute
-- holds; when nothing is left of any, by their subtotals. p_terms says of each who bears its part
-- and whether its transfer is taken back at once: {"<vendor order>": {liable, isReversed}}. Money
-- that came for nothing has no vendors: the platform bears it.
create or replace function dispute_share(p_dispute_id uuid, p_terms jsonb) returns void
language plpgsql as $$
declare
    v_dispute disputes;
    v_ids uuid[];
    v_left bigint[];
    v_subtotals bigint[];
begin
    select * into v_dispute from disputes where id = p_dispute_id;
    delete from dispute_parts where dispute_id = p_dispute_id;
    select array_agg(id order by id), array_agg(subtotal_minor order by id),
        array_agg(greatest(0, vendor_order_left(id) - held.amount)::bigint order by id)
    into v_ids, v_subtotals, v_left
    from vendor_orders
    cross join lateral (
        select coalesce(sum(p.amount_minor), 0) as amount
        from dispute_parts as p inner join disputes as d on d.id = p.dispute_id
        where p.vendor_order_id = vendor_orders.id and d.state = 'OPEN' and d.id <> p_dispute_id
    ) as held
    where order_id = v_dispute.order_id and not exists (
        select from ledger_transactions
        where kind = 'unapplied' and ref = v_dispute.payment_id::text
    );
    if (select sum(amount) from unnest(v_left) as l (amount)) = 0 then
        v_left := v_subtotals;
    end if;
    insert into dispute_parts (dispute_id, vendor_order_id, amount_minor, liable, is_reversed)
    select p_dispute_id, part.id, part.amount,
        coalesce(p_terms #>> array[part.id::text, 'liable'], 'PLATFORM'),
        coalesce((p_terms #>> array[part.id::text, 'isReversed'])::boolean, false)
    from unnest(v_ids, money_split(v_dispute.amount_minor, v_left)) as part (id, amount)
    where part.amount > 0;
    update disputes set liable = case when exists (
        select from dispute_parts where dispute_id = p_dispute_id and liable = 'VENDOR'
    ) then 'VENDOR' else 'PLATFORM' end
    where id = p_dispute_id;
end;
$$;
