-- The transfers of a payout that was taken: one per vendor order with something left, out of that
-- order's charge, and never more than its earnings less what is with the vendor already. Debts are
-- netted from the largest first. What no vendor order has room for (an adjustment, a share that
-- comes back after it was netted elsewhere) is one transfer of the platform's own balance. Their
-- sum is the payout's amount.
create or replace function payout_split(p_payout_id uuid) returns void language sql as $$
    with nets as (
        select i.vendor_order_id, sum(i.amount_minor) as net
        from payout_items as i where i.payout_id = p_payout_id group by i.vendor_order_id
    ),
    with_rooms as (
        select nets.vendor_order_id, nets.net, case
                when nets.vendor_order_id is null then 0
                else greatest(vendor_orders.earnings_minor - coalesce((
                    select sum(t.amount_minor - t.reversed_minor) from transfers as t
                    where t.vendor_order_id = nets.vendor_order_id and t.status = 'DONE'
                ), 0), 0)
            end as room
        from nets
        left join vendor_orders on vendor_orders.id = nets.vendor_order_id
    ),
    parts as (
        select vendor_order_id, least(net, room) as amount
        from with_rooms where vendor_order_id is not null and least(net, room) > 0
        union all
        select null, excess from (
            select sum(net - least(net, room)) as excess from with_rooms where net > 0
        ) as beyond
        where excess > 0
    ),
    netted as (
        select vendor_order_id, amount - least(amount, greatest(debt - coalesce(
            sum(amount) over (
                order by amount desc, vendor_order_id nulls last
                rows between unbounded preceding and 1 preceding
            ), 0), 0)) as amount
        from parts
        cross join (
            select coalesce(-sum(net) filter (where net < 0), 0) as debt from nets
        ) as debts
    )
    insert into transfers
        (payout_id, vendor_id, vendor_order_id, destination, charge_id, amount_minor, currency)
    select payouts.id, payouts.vendor_id, netted.vendor_order_id,
        stripe_accounts.provider_account_id, charges.charge_id, netted.amount, payouts.currency
    from netted
    inner join payouts on payouts.id = p_payout_id
    inner join stripe_accounts on stripe_accounts.vendor_id = payouts.vendor_id
    left join vendor_orders on vendor_orders.id = netted.vendor_order_id
    left join lateral (
        select payments.charge_id from payments
        where payments.order_id = vendor_orders.order_id
            and payments.status in ('SUCCEEDED', 'PARTIALLY_REFUNDED', 'REFUNDED')
            and not exists (
                select from ledger_transactions as t
                where t.kind = 'unapplied' and t.ref = payments.id::text
            )
    ) as charges on true
    where netted.amount > 0
    order by netted.vendor_order_id;
$$;
