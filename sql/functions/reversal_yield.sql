-- A reversal that the vendor's balance did not cover, or that Stripe will not make. p_there is what
-- there is: null, ask later (SHORT); more than 0, ask for that as a new attempt (PENDING); 0, the
-- whole is a debt (CARRIED). Returns the row's status afterwards, null when it was over before.
create or replace function reversal_yield(p_id uuid, p_there bigint, p_code text) returns text
language plpgsql as $$
declare
    v_reversal transfer_reversals;
begin
    perform from orders where id = (
        select vendor_orders.order_id from transfer_reversals as r
        inner join vendor_orders on vendor_orders.id = r.vendor_order_id
        where r.id = p_id
    ) for update;
    update transfer_reversals set updated_at = now(),
        failure_code = coalesce(p_code, failure_code),
        attempt = attempt + case when p_there > 0 then 1 else 0 end,
        asked_minor = case when p_there > 0 then least(p_there, wanted_minor) else asked_minor end,
        status = case
            when p_there is null then 'SHORT'
            when p_there > 0 then 'PENDING'
            else 'CARRIED'
        end
    where id = p_id and status = case when p_there > 0 then 'SHORT' else status end
        and status in ('PENDING', 'SHORT')
    returning * into v_reversal;
    if v_reversal.status = 'CARRIED' then
        perform payout_settle_cause(v_reversal.vendor_order_id,
            coalesce(v_reversal.refund_id, v_reversal.dispute_id));
    end if;
    return v_reversal.status;
end;
$$;
