-- Every rule of the books that one statement can check, with the rows that break it: none, ever.
create or replace function invariant_report()
returns table (name text, violations bigint, sample jsonb) language sql stable as $$
    with broken (name, sample) as (
        select 'reserved_is_explained', jsonb_build_object(
            'productId', product_stock.product_id, 'reserved', product_stock.reserved,
            'unpaid', coalesce(held.q, 0))
        from product_stock
        left join (
            select order_items.product_id, sum(order_items.quantity) as q
            from orders inner join order_items on order_items.order_id = orders.id
            where orders.status = 'PENDING' group by order_items.product_id
        ) as held on held.product_id = product_stock.product_id
        where product_stock.reserved <> coalesce(held.q, 0)
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
        cross join lateral order_item_units(order_items.id) as known
        where coalesce(moved.delta, 0) <> case
            when orders.confirmed_at is null or vendor_orders.status = 'CANCELLED' then 0
            else known.restocked - order_items.quantity end
        union all
        select 'ledger_sums_to_zero', jsonb_build_object('transactionId', t.id)
        from ledger_transactions as t
        left join (
            select transaction_id, bool_and(total = 0) as is_zero from (
                select transaction_id, currency, sum(amount_minor) as total
                from ledger_postings group by transaction_id, currency
            ) as by_currency group by transaction_id
        ) as sums on sums.transaction_id = t.id
        where not coalesce(sums.is_zero, false)
        union all
        select 'order_total_is_its_parts', jsonb_build_object('orderId', orders.id)
        from orders
        left join (
            select order_id, sum(line_total_minor) as total from order_items group by order_id
        ) as items on items.order_id = orders.id
        left join (
            select order_id, sum(subtotal_minor) as total, sum(fee_minor) as fee
            from vendor_orders group by order_id
        ) as parts on parts.order_id = orders.id
        where (orders.total_minor, orders.total_minor, orders.platform_fee_minor)
            is distinct from (items.total + orders.shipping_minor, parts.total, parts.fee)
        union all
        select 'vendor_order_is_its_items', jsonb_build_object('vendorOrderId', vendor_orders.id)
        from vendor_orders
        left join (
            select vendor_order_id, order_id, sum(line_total_minor) as total
            from order_items group by vendor_order_id, order_id
        ) as items
            on items.vendor_order_id = vendor_orders.id and items.order_id = vendor_orders.order_id
        where vendor_orders.subtotal_minor
            is distinct from items.total + vendor_orders.shipping_minor
        union all
        select 'payment_is_order_total', jsonb_build_object('paymentId', payments.id)
        from payments inner join orders on orders.id = payments.order_id
        where (payments.amount_minor, payments.currency) <> (orders.total_minor, orders.currency)
        union all
        select 'fee_and_earnings_are_subtotal', jsonb_build_object('vendorOrderId', id)
        from vendor_orders
        left join (
            select vendor_order_id, sum(amount_minor) as fee from fee_lines group by vendor_order_id
        ) as lines on lines.vendor_order_id = vendor_orders.id
        where fee_minor + earnings_minor <> subtotal_minor or fee_minor is distinct from lines.fee
        union all
        select 'refunded_within_paid', jsonb_build_object('paymentId', payments.id)
        from payments
        left join (
            select payment_id, sum(amount_minor) as total
            from refunds where status <> 'FAILED' group by payment_id
        ) as r on r.payment_id = payments.id
        where refunded_minor > amount_minor or refunded_minor <> coalesce(r.total, 0)
        union all
        select 'refunded_is_its_parts', jsonb_build_object('vendorOrderId', vendor_orders.id)
        from vendor_orders
        left join (
            select vendor_order_id, sum(refund_parts.amount_minor) as total,
                sum(refund_parts.fee_minor) as fee
            from refund_parts inner join refunds on refunds.id = refund_parts.refund_id
            where refunds.status <> 'FAILED' group by vendor_order_id
        ) as r on r.vendor_order_id = vendor_orders.id
        where (refunded_minor, refunded_fee_minor) <> (coalesce(r.total, 0), coalesce(r.fee, 0))
        union all
        select 'paid_orders_are_posted_once', jsonb_build_object('orderId', orders.id)
        from orders
        left join ledger_transactions as t on t.kind = 'paid' and t.ref = orders.id::text
        left join (
            select payments.order_id, count(*) as paid
            from payments
            left join ledger_transactions as u
                on u.kind = 'unapplied' and u.ref = payments.id::text
            where payments.status in ('SUCCEEDED', 'PARTIALLY_REFUNDED', 'REFUNDED')
                and u.id is null
            group by payments.order_id
        ) as p on p.order_id = orders.id
        where (orders.confirmed_at is not null) <> (t.id is not null)
            or coalesce(p.paid, 0) <> case when orders.confirmed_at is null then 0 else 1 end
        union all
        select 'paid_posting_is_the_order', jsonb_build_object('orderId', orders.id)
        from ledger_transactions as t
        inner join orders on orders.id::text = t.ref
        left join (
            select transaction_id,
                sum(amount_minor) filter (where account = 'stripe') as paid,
                jsonb_object_agg(account, -amount_minor)
                    filter (where account like 'vendor:%' and amount_minor <> 0) as shares
            from ledger_postings group by transaction_id
        ) as p on p.transaction_id = t.id
        left join (
            select order_id, jsonb_object_agg('vendor:' || vendor_id, earnings_minor)
                filter (where earnings_minor <> 0) as shares
            from vendor_orders group by order_id
        ) as parts on parts.order_id = orders.id
        where t.kind = 'paid' and (coalesce(p.paid, 0) <> orders.total_minor
            or p.shares is distinct from parts.shares)
        union all
        select m.name, m.sample from invariant_books() as m
        union all
        select m.name, m.sample from invariant_payouts() as m
        union all
        select 'order_status_follows_its_parts', jsonb_build_object('orderId', orders.id)
        from orders
        inner join (
            select order_id, bool_or(status <> 'PENDING') as any_begun,
                bool_or(status not in ('COMPLETED', 'CANCELLED', 'PENDING')) as any_at_work,
                bool_or(status not in ('COMPLETED', 'CANCELLED')) as any_open
            from vendor_orders group by order_id
        ) as parts on parts.order_id = orders.id
        where case orders.status
            when 'PENDING' then parts.any_begun
            when 'CONFIRMED' then not parts.any_at_work
            else parts.any_open
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
            'paid_orders_are_posted_once', 'paid_posting_is_the_order',
            'order_status_follows_its_parts', 'rating_is_its_reviews',
            'earnings_are_in_payouts_once', 'payout_is_its_items', 'vendor_balance_is_open_items',
            'paid_payouts_are_transferred', 'manual_payouts_are_posted_once',
            'transfers_are_posted_once', 'transferred_within_share', 'reversals_are_posted_once',
            'reversed_within_transferred', 'refunds_are_posted_once', 'disputes_are_posted_once',
            'bank_payouts_are_posted_once', 'fees_are_posted_once', 'adjustments_are_posted_once',
            'order_money_adds_up', 'rounding_is_zero'
        ]) with ordinality
    )
    select rules.name, count(broken.name), coalesce(
        (select jsonb_agg(few.sample) from (
            select sample from broken as b where b.name = rules.name limit 5) as few), '[]')
    from rules left join broken on broken.name = rules.name
    group by rules.name, rules.place order by rules.place;
$$;
