-- Ends a proposed adjustment: POSTED or REJECTED. Posted, it is a transaction of the ledger, and
-- what it gives to or takes from a vendor is an item of that vendor's open payout in the same
-- moment. SK404 unknown, SK411 decided before, SK424 approved by the one who proposed it.
create or replace function adjustment_decide(p_id uuid, p_status text, p_actor_id uuid)
returns void language plpgsql as $$
declare
    v_adjustment adjustments;
    v_line record;
begin
    perform from orders where id = (select order_id from adjustments where adjustments.id = p_id)
    for update;
    select * into v_adjustment from adjustments where id = p_id for update;
    if v_adjustment.id is null then
        raise exception 'not found' using errcode = 'SK404';
    elsif v_adjustment.status <> 'PROPOSED' then
        raise exception 'the adjustment is % already', v_adjustment.status using errcode = 'SK411';
    elsif p_status = 'POSTED' and v_adjustment.proposed_by = p_actor_id then
        raise exception 'another administrator must approve what you have proposed'
            using errcode = 'SK424';
    end if;
    update adjustments set status = p_status, decided_by = p_actor_id, decided_at = now()
    where id = p_id;
    if p_status <> 'POSTED' then
        return;
    end if;
    perform ledger_post('adjustment', p_id, v_adjustment.order_id, v_adjustment.currency,
        array_agg(account order by place), array_agg(amount order by place))
    from jsonb_array_elements(v_adjustment.postings) with ordinality as e (line, place)
    cross join jsonb_to_record(e.line) as p (account text, amount bigint);
    for v_line in
        select substr(account, 8)::uuid as vendor_id, -amount as amount
        from jsonb_to_recordset(v_adjustment.postings) as p (account text, amount bigint)
        where account like 'vendor:%' order by account
    loop
        perform payout_adjustment(p_id, v_line.vendor_id, v_adjustment.currency, v_line.amount);
    end loop;
end;
$$;
