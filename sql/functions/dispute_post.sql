-- Posts what a dispute has moved so far; each of the three events once, whatever is told again. One
-- that is won after it was lost gives back what was taken of whom. A part that a vendor bears is an
-- item of its payouts too.
create or replace function dispute_post(p_dispute_id uuid) returns void
language plpgsql as $$
declare
    v_dispute disputes;
    v_accounts text[];
    v_amounts bigint[];
begin
    select * into v_dispute from disputes where id = p_dispute_id;
    if v_dispute.state in ('OPEN', 'WON', 'LOST') then
        perform ledger_post('dispute_opened', p_dispute_id, v_dispute.order_id, v_dispute.currency,
            array['dispute_hold', 'dispute_fee', 'stripe'],
            array[v_dispute.amount_minor, v_dispute.fee_minor,
                -v_dispute.amount_minor - v_dispute.fee_minor]);
    end if;
    if v_dispute.state = 'LOST' then
        select array_agg(case p.liable when 'VENDOR' then 'vendor:' || vendor_id else 'loss' end),
            array_agg(p.amount_minor)
        into v_accounts, v_amounts
        from dispute_parts as p inner join vendor_orders on vendor_orders.id = p.vendor_order_id
        where p.dispute_id = p_dispute_id;
        if v_accounts is null then
            v_accounts := array['loss'];
            v_amounts := array[v_dispute.amount_minor];
        end if;
        if ledger_post('dispute_lost', p_dispute_id, v_dispute.order_id, v_dispute.currency,
            v_accounts || 'dispute_hold'::text, v_amounts || -v_dispute.amount_minor) then
            perform payout_adjust('DISPUTE', p.id, p_dispute_id, -p.amount_minor)
            from (
                select vendor_orders.id, dispute_parts.amount_minor
                from dispute_parts
                inner join vendor_orders on vendor_orders.id = dispute_parts.vendor_order_id
                where dispute_id = p_dispute_id and liable = 'VENDOR'
                order by vendor_orders.vendor_id
            ) as p;
        end if;
    elsif v_dispute.state = 'WON' then
        select array_agg(p.account order by p.id), array_agg(-p.amount_minor order by p.id)
        into v_accounts, v_amounts
        from ledger_transactions as t
        inner join ledger_postings as p on p.transaction_id = t.id and p.account <> 'dispute_hold'
        where t.kind = 'dispute_lost' and t.ref = p_dispute_id::text;
        if ledger_post('dispute_won', p_dispute_id, v_dispute.order_id, v_dispute.currency,
            array['stripe', 'dispute_fee'] || coalesce(v_accounts, array['dispute_hold']),
            array[v_dispute.amount_minor + v_dispute.fee_returned_minor,
                -v_dispute.fee_returned_minor]
                || coalesce(v_amounts, array[-v_dispute.amount_minor])) then
            perform payout_adjust('DISPUTE_WON', i.id, p_dispute_id, -i.amount_minor)
            from (
                select vendor_orders.id, payout_items.amount_minor
                from payout_items
                inner join vendor_orders on vendor_orders.id = payout_items.vendor_order_id
                where dispute_id = p_dispute_id and kind = 'DISPUTE'
                order by vendor_orders.vendor_id
            ) as i;
        end if;
    end if;
end;
$$;
