-- Takes what is due to a vendor: the open payout keeps exactly the due items and becomes
-- PROCESSING, the others move on to a new open one, and by Stripe its transfers are made. outcome:
-- TAKEN, NOTHING_DUE, BELOW_MINIMUM, or HINDERED (hold_reason says why; nothing else changes). The
-- row lock is what makes runs at once take everything once.
create or replace function payout_run(
    p_vendor_id uuid, p_currency text, p_provider text, p_minimum bigint
) returns table (outcome text, payout_id uuid, amount_minor bigint) language plpgsql as $$
#variable_conflict use_column
declare
    v_payout payouts;
    v_ids uuid[];
    v_amount bigint;
    v_hindrance text := payout_hinder(p_vendor_id, p_provider);
    v_rest_id uuid;
begin
    -- Vendor orders before payouts, as refunds lock them: a transfer's foreign key locks them too.
    perform from vendor_orders
    where id in (
        select d.vendor_order_id
        from payouts cross join lateral payout_due_items(payouts.id) as d
        where payouts.vendor_id = p_vendor_id and payouts.currency = p_currency
            and payouts.status = 'PENDING'
    )
    order by id for key share;
    select * into v_payout from payouts
    where vendor_id = p_vendor_id and currency = p_currency and status = 'PENDING' for update;
    perform from payout_items where payout_id = v_payout.id order by id for update;
    select array_agg(d.item_id), sum(d.amount_minor) into v_ids, v_amount
    from payout_due_items(v_payout.id) as d;
    if v_payout.id is null or coalesce(v_amount, 0) <= 0 then
        return query select 'NOTHING_DUE', v_payout.id, coalesce(v_amount, 0);
        return;
    elsif v_amount < p_minimum then
        return query select 'BELOW_MINIMUM', v_payout.id, v_amount;
        return;
    elsif v_hindrance is not null then
        update payouts set hold_reason = v_hindrance, updated_at = now()
        where id = v_payout.id and hold_reason is distinct from v_hindrance;
        return query select 'HINDERED', v_payout.id, v_amount;
        return;
    end if;
    update payouts set status = 'PROCESSING', provider = p_provider, amount_minor = v_amount,
        hold_reason = null, failure_code = null, failure_message = null,
        taken_at = now(), updated_at = now()
    where id = v_payout.id;
    if exists (
        select from payout_items where payout_id = v_payout.id and id <> all (v_ids)
    ) then
        v_rest_id := payout_open(p_vendor_id, p_currency);
        update payout_items set payout_id = v_rest_id
        where payout_id = v_payout.id and id <> all (v_ids);
        update payouts set amount_minor = amount_minor + v_payout.amount_minor - v_amount
        where id = v_rest_id;
    end if;
    if p_provider = 'stripe' then
        perform payout_split(v_payout.id);
    end if;
    perform event_emit('payout.processing', jsonb_build_object(
        'payoutId', v_payout.id, 'vendorId', p_vendor_id,
        'amount', money_json(v_amount, p_currency)));
    return query select 'TAKEN', v_payout.id, v_amount;
end;
$$;
