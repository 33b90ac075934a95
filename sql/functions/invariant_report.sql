-- Every rule of the books that one statement can check, with the rows that break it: none, ever.
create or replace function invariant_report()
returns table (name text, violations bigint, sample jsonb) language sql stable as $$
    with broken (name, sample) as (
        select 'reserved_is_explained', jsonb_build_object(
            'productId', products.id, 'reserved', products.reserved, 'unpaid', coalesce(held.q, 0))
        from products
        left join (
            select order_items.product_id, sum(order_items.quantity) as q
            from orders inner join order_items on order_items.order_id = orders.id
            where orders.status = 'PENDING' group by order_items.product_id
        ) as held on held.product_id = products.id
        where products.reserved <> coalesce(held.q, 0)
        union all
        select 'sales_are_stock_movements', jsonb_build_object(
            'orderId', order_items.order_id, 'productId', order_items.product_id)
        from order_items
        inner join orders on orders.id = order_items.order_id
        inner join vendor_orders on vendor_orders.id = order_items.vendor_order_id
        left join (
            select order_id, product_id, sum(delta) as delta
            from inventory_movements where order_id is not null group by order_id, product_id
        ) as moved
            on moved.order_id = order_items.order_id and moved.product_id = order_items.product_id
        where coalesce(moved.delta, 0) <> case
            when orders.confirmed_at is null or vendor_orders.status = 'CANCELLED' then 0
            else -order_items.quantity end
        union all
        select 'ledger_sums_to_zero', jsonb_build_object('transactionId', id)
        from ledger_transactions
        where not exists (select from ledger_postings where transaction_id = ledger_transactions.id)
            or exists (
                select from ledger_postings where transaction_id = ledger_transactions.id
                group by currency having sum(amount_minor) <> 0
            )
        union all
        select 'order_total_is_its_parts', jsonb_build_object('orderId', orders.id)
        from orders
        where orders.total_minor <> coalesce(
                (select sum(line_total_minor) from order_items where order_id = orders.id), 0)
            or orders.total_minor <> coalesce(
                (select sum(subtotal_minor) from vendor_orders where order_id = orders.id), 0)
            or orders.platform_fee_minor <> coalesce(
                (select sum(fee_minor) from vendor_orders where order_id = orders.id), 0)
        union all
        select 'vendor_order_is_its_items', jsonb_build_object('vendorOrderId', vendor_orders.id)
        from vendor_orders
        where subtotal_minor <> coalesce((
            select sum(line_total_minor) from order_items where vendor_order_id = vendor_orders.id
                and order_items.order_id = vendor_orders.order_id), 0)
        union all
        select 'payment_is_order_total', jsonb_build_object('paymentId', payments.id)
        from payments inner join orders on orders.id = payments.order_id
        where (payments.amount_minor, payments.currency) <> (orders.total_minor, orders.currency)
        union all
        select 'fee_and_earnings_are_subtotal', jsonb_build_object('vendorOrderId', id)
        from vendor_orders
        where fee_minor + earnings_minor <> subtotal_minor or fee_minor <> coalesce(
            (select sum(amount_minor) from fee_lines where vendor_order_id = vendor_orders.id), 0)
        union all
        select 'refunded_within_paid', jsonb_build_object('paymentId', payments.id)
        from payments
        where refunded_minor > amount_minor or refunded_minor <> coalesce((
            select sum(amount_minor) from refunds
            where payment_id = payments.id and refunds.status <> 'FAILED'), 0)
        union all
        select 'refunded_is_its_parts', jsonb_build_object('vendorOrderId', vendor_orders.id)
        from vendor_orders
        where (refunded_minor, refunded_fee_minor) <> (
            select coalesce(sum(refund_parts.amount_minor), 0)::bigint,
                coalesce(sum(refund_parts.fee_minor), 0)::bigint
            from refund_parts inner join refunds on refunds.id = refund_parts.refund_id
            where refund_parts.vendor_order_id = vendor_orders.id and refunds.status <> 'FAILED')
        union all
        select 'paid_orders_are_posted_once', jsonb_build_object('orderId', orders.id)
        from orders
        where (orders.confirmed_at is not null) <> exists (
                select from ledger_transactions where kind = 'paid' and ref = orders.id::text)
            or (orders.confirmed_at is not null and 1 <> (
                select count(*) from payments where order_id = orders.id
                    and status in ('SUCCEEDED', 'PARTIALLY_REFUNDED', 'REFUNDED')
                    and not exists (select from ledger_transactions
                        where kind = 'unapplied' and ref = payments.id::text)))
        union all
        select 'paid_posting_is_the_order', jsonb_build_object('orderId', orders.id)
        from orders
        inner join ledger_transactions on kind = 'paid' and ref = orders.id::text
        where (
            select coalesce(sum(amount_minor) filter (where account = 'stripe'), 0)::bigint
            from ledger_postings where transaction_id = ledger_transactions.id
        ) <> orders.total_minor or exists (
            select from vendor_orders where order_id = orders.id and earnings_minor <> -coalesce((
                select sum(amount_minor) from ledger_postings
                where transaction_id = ledger_transactions.id
                    and account = 'vendor:' || vendor_orders.vendor_id), 0))
        union all
        select 'transferred_within_share', jsonb_build_object(
            'orderId', t.order_id, 'account', p.account, 'currency', p.currency)
        from ledger_transactions as t
        inner join ledger_postings as p on p.transaction_id = t.id and p.account like 'vendor:%'
        where t.kind in ('paid', 'transfer', 'reversal') and t.order_id is not null
        group by t.order_id, p.account, p.currency
        having sum(p.amount_minor) > 0
        union all
        select 'payout_is_its_items', jsonb_build_object('payoutId', payouts.id)
        from payouts
        where amount_minor <> coalesce(
            (select sum(amount_minor) from payout_items where payout_id = payouts.id), 0)
        union all
        select 'earnings_are_in_payouts_once', jsonb_build_object('vendorOrderId', vendor_orders.id)
        from vendor_orders
        left join payout_items on payout_items.vendor_order_id = vendor_orders.id
            and payout_items.kind = 'EARNING'
        where (vendor_orders.confirmed_at is not null) <> (payout_items.id is not null)
            or payout_items.amount_minor <> vendor_orders.earnings_minor
        union all
        select 'order_status_follows_its_parts', jsonb_build_object('orderId', orders.id)
        from orders
        where case orders.status
            when 'PENDING' then exists (select from vendor_orders
                where order_id = orders.id and status <> 'PENDING')
            when 'CONFIRMED' then not exists (select from vendor_orders
                where order_id = orders.id and status not in ('COMPLETED', 'CANCELLED', 'PENDING'))
            else exists (select from vendor_orders
                where order_id = orders.id and status not in ('COMPLETED', 'CANCELLED'))
        end
        union all
        select 'rating_is_its_reviews', jsonb_build_object('target', kind, 'id', id)
        from (
            select 'PRODUCT' as kind, id, rating_sum, rating_count from products
            union all select 'VENDOR', id, rating_sum, rating_count from vendors
            union all select 'BUYER', id, rating_sum, rating_count from buyers
        ) as targets
        left join (
            select target_kind, target_id, sum(rating) as s, count(*) as n
            from reviews where status = 'PUBLISHED' group by target_kind, target_id
        ) as r on r.target_kind = targets.kind and r.target_id = targets.id
        where (rating_sum, rating_count) <> (coalesce(r.s, 0), coalesce(r.n, 0))
    ),
    rules (name, place) as (
        select * from unnest(array[
            'reserved_is_explained', 'sales_are_stock_movements', 'ledger_sums_to_zero',
            'order_total_is_its_parts', 'vendor_order_is_its_items', 'payment_is_order_total',
            'fee_and_earnings_are_subtotal', 'refunded_within_paid', 'refunded_is_its_parts',
            'paid_orders_are_posted_once', 'paid_posting_is_the_order', 'transferred_within_share',
            'payout_is_its_items', 'earnings_are_in_payouts_once', 'order_status_follows_its_parts',
            'rating_is_its_reviews'
        ]) with ordinality
    )
    select rules.name, count(broken.name), coalesce(
        (select jsonb_agg(few.sample) from (
            select sample from broken as b where b.name = rules.name limit 5) as few), '[]')
    from rules left join broken on broken.name = rules.name
    group by rules.name, rules.place order by rules.place;
$$;
