-- A vendor's account up to an instant, as it reads it: + is earned. A posting of the ledger is one
-- line, or two where a fee is part of it: what was sold and what the platform took of it. The
-- lines of a posting add up to it, whatever stands beside it. Their order is (created_at, id,
-- part).
create or replace function statement_lines(p_vendor_id uuid, p_as_of timestamptz)
returns table (
    created_at timestamptz, id bigint, part integer, kind text, currency text, amount_minor bigint,
    order_number text, note text
) language sql stable as $$
    select
        p.created_at, p.id, lines.part, lines.kind, p.currency, lines.amount_minor,
        orders.number,
        coalesce(refunds.reason, adjustments.reason, '')
    from ledger_postings as p
    inner join ledger_transactions as t on t.id = p.transaction_id
    left join orders on orders.id = t.order_id
    left join vendor_orders
        on vendor_orders.order_id = t.order_id and vendor_orders.vendor_id = p_vendor_id
    left join refunds on refunds.id =
        case when t.kind in ('refund', 'refund_failed') then t.ref::uuid end
    left join refund_parts
        on refund_parts.refund_id = refunds.id
        and refund_parts.vendor_order_id = vendor_orders.id
    left join adjustments
        on adjustments.id = case when t.kind = 'adjustment' then t.ref::uuid end
    cross join lateral (
        select case t.kind
            when 'paid' then vendor_orders.subtotal_minor
            when 'refund' then -refund_parts.amount_minor
            when 'refund_failed' then refund_parts.amount_minor
        end as amount_minor
    ) as gross
    cross join lateral (
        select
            1 as part,
            case t.kind
                when 'paid' then 'SALE' when 'dispute_lost' then 'DISPUTE'
                when 'payout_manual' then 'PAYOUT' else upper(t.kind)
            end as kind,
            coalesce(gross.amount_minor, -p.amount_minor) as amount_minor
        union all
        select 2, 'FEE', -p.amount_minor - gross.amount_minor
        where -p.amount_minor <> gross.amount_minor
    ) as lines
    where p.account = 'vendor:' || p_vendor_id and p.created_at <= p_as_of;
$$;
