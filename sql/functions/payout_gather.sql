-- Puts the earnings of an order's vendor orders into the open payouts of their vendors, making
-- these where there are none. Vendors are taken in id order: two confirmations cannot deadlock.
create or replace function payout_gather(p_order_id uuid) returns void language plpgsql as $$
begin
    with gathered as (
        insert into payouts (vendor_id, currency, amount_minor)
        select vendor_id, currency, earnings_minor
        from vendor_orders where order_id = p_order_id
        order by vendor_id
        on conflict (vendor_id, currency) where status = 'PENDING'
        do update set updated_at = now(),
            amount_minor = payouts.amount_minor + excluded.amount_minor
        returning payouts.id, payouts.vendor_id
    )
    insert into payout_items (payout_id, kind, vendor_order_id, amount_minor)
    select gathered.id, 'EARNING', vendor_orders.id, vendor_orders.earnings_minor
    from gathered
    inner join vendor_orders
        on vendor_orders.order_id = p_order_id and vendor_orders.vendor_id = gathered.vendor_id;
end;
$$;
