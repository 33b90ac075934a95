-- A change of what a vendor order earned: into the payout that holds the earning while that is
-- open, else into the vendor's open payout, where a debt is netted from what comes next.
create or replace function payout_adjust(
    p_kind text, p_vendor_order_id uuid, p_refund_id uuid, p_amount_minor bigint
) returns void language plpgsql as $$
declare
    v_payout_id uuid;
begin
    select payouts.id into v_payout_id
    from payout_items
    inner join payouts on payouts.id = payout_items.payout_id
    where payout_items.vendor_order_id = p_vendor_order_id and payout_items.kind = 'EARNING'
        and payouts.status in ('PENDING', 'ON_HOLD')
    for update of payouts;
    if v_payout_id is null then
        insert into payouts (vendor_id, currency)
        select vendor_id, currency from vendor_orders where id = p_vendor_order_id
        on conflict (vendor_id, currency) where status = 'PENDING' do update set updated_at = now()
        returning id into v_payout_id;
    end if;
    insert into payout_items (payout_id, kind, vendor_order_id, refund_id, amount_minor, due_at)
    values (v_payout_id, p_kind, p_vendor_order_id, p_refund_id, p_amount_minor, now());
    update payouts set amount_minor = amount_minor + p_amount_minor, updated_at = now()
    where id = v_payout_id;
end;
$$;
