-- What must hold between earnings, payouts, transfers, reversals and the vendors' accounts. Rows are
-- what breaks it.
create or replace function invariant_payouts() returns table (name text, sample jsonb)
language sql stable as $$
    with items as (
        select payout_id, sum(amount_minor) as total from payout_items group by payout_id
    ),
    -- What a payout has transferred that no TRANSFERRED item has taken off it.
    sent as (
        select t.payout_id, sum(t.amount_minor) as total
        from transfers as t
        where t.status = 'DONE' and not exists (
            select from payout_items as i where i.kind = 'TRANSFERRED' and i.transfer_id = t.id
        )
        group by t.payout_id
    ),
    accounts as (
        select account, currency, -sum(amount_minor) as balance
        from ledger_postings where account like 'vendor:%' group by account, currency
    ),
    open_items as (
        select 'vendor:' || payouts.vendor_id as account, payouts.currency,
            sum(coalesce(items.total, 0) - case
                when payouts.status = 'PROCESSING' then coalesce(sent.total, 0) else 0 end
            ) as balance
        from payouts
        left join items on items.payout_id = payouts.id
        left join sent on sent.payout_id = payouts.id
        where payouts.status <> 'PAID'
        group by payouts.vendor_id, payouts.currency
    ),
    reversed as (
        select transfer_id, sum(reversed_minor) as total,
            sum(wanted_minor) filter (where status in ('PENDING', 'SHORT')) as underway
        from transfer_reversals group by transfer_id
    ),
    by_hand as (
        select ref, sum(amount_minor) filter (where kind = 'payout_manual') as paid,
            sum(amount_minor) as net
        from ledger_transactions as t
        inner join ledger_postings as p on p.transaction_id = t.id and p.account like 'vendor:%'
        where kind in ('payout_manual', 'payout_returned') group by ref
    )
    select 'earnings_are_in_payouts_once', jsonb_build_object('vendorOrderId', vendor_orders.id)
    from vendor_orders
    left join payout_items on payout_items.vendor_order_id = vendor_orders.id
        and payout_items.kind = 'EARNING'
    where (vendor_orders.confirmed_at is not null) <> (payout_items.id is not null)
        or payout_items.amount_minor <> vendor_orders.earnings_minor
    union all
    select 'payout_is_its_items', jsonb_build_object('payoutId', payouts.id)
    from payouts left join items on items.payout_id = payouts.id
    where payouts.amount_minor <> coalesce(items.total, 0)
    union all
    select 'vendor_balance_is_open_items', jsonb_build_object('vendorAccountId', account,
        'currency', currency, 'ledger', coalesce(accounts.balance, 0),
        'items', coalesce(open_items.balance, 0))
    from accounts full join open_items using (account, currency)
    where coalesce(accounts.balance, 0) <> coalesce(open_items.balance, 0)
    union all
    select 'paid_payouts_are_transferred', jsonb_build_object('payoutId', payouts.id)
    from payouts left join sent on sent.payout_id = payouts.id
    where payouts.provider = 'stripe' and case payouts.status
        when 'PAID' then payouts.amount_minor <> coalesce(sent.total, 0)
        when 'PROCESSING' then payouts.amount_minor <> coalesce(sent.total, 0) + coalesce((
            select sum(t.amount_minor) from transfers as t
            where t.payout_id = payouts.id and (t.status = 'PENDING'
                or t.status = 'FAILED' and t.created_at >= payouts.taken_at)
        ), 0)
        else coalesce(sent.total, 0) <> 0
    end
    union all
    select 'manual_payouts_are_posted_once', jsonb_build_object('payoutId', payouts.id)
    from payouts left join by_hand on by_hand.ref = payouts.id::text
    where coalesce(by_hand.net, 0) <> case
            when payouts.provider = 'manual' and payouts.status = 'PAID' then payouts.amount_minor
            else 0
        end
    union all
    select 'transferred_within_share', jsonb_build_object('vendorOrderId', vendor_orders.id)
    from vendor_orders
    inner join (
        select vendor_order_id, sum(amount_minor - reversed_minor) as total
        from transfers where status = 'DONE' group by vendor_order_id
    ) as t on t.vendor_order_id = vendor_orders.id
    where t.total > vendor_orders.earnings_minor
    union all
    select 'reversed_within_transferred', jsonb_build_object('transferId', transfers.id)
    from transfers left join reversed on reversed.transfer_id = transfers.id
    where transfers.reversed_minor <> coalesce(reversed.total, 0)
        or transfers.reversed_minor + coalesce(reversed.underway, 0) > transfers.amount_minor
        or transfers.status <> 'DONE' and reversed.transfer_id is not null
    union all
    select 'order_money_adds_up', jsonb_build_object('orderId', orders.id)
    from orders
    left join (
        select order_id, sum(amount_minor - refunded_minor) as kept
        from payments where status in ('SUCCEEDED', 'PARTIALLY_REFUNDED', 'REFUNDED')
        group by order_id
    ) as p on p.order_id = orders.id
    left join (
        select order_id, sum(subtotal_minor - refunded_minor) as kept,
            sum(earnings_minor - (refunded_minor - refunded_fee_minor)) as vendors
        from vendor_orders where confirmed_at is not null group by order_id
    ) as v on v.order_id = orders.id
    left join (
        select t.order_id,
            sum(l.amount_minor) filter (where l.account = 'stripe') as kept,
            -sum(l.amount_minor) filter (where l.account like 'vendor:%') as vendors
        from ledger_transactions as t
        inner join ledger_postings as l on l.transaction_id = t.id
        where t.order_id is not null and t.kind in ('paid', 'unapplied', 'refund', 'refund_failed')
        group by t.order_id
    ) as l on l.order_id = orders.id
    where coalesce(p.kept, 0) <> coalesce(l.kept, 0)
        or coalesce(v.vendors, 0) <> coalesce(l.vendors, 0)
        or orders.confirmed_at is not null and coalesce(p.kept, 0) < coalesce(v.kept, 0)
    union all
    select 'rounding_is_zero', jsonb_build_object('currencyId', currency)
    from ledger_postings where account = 'rounding'
    group by currency having sum(amount_minor) <> 0;
$$;
