-- $1 vendor. pending: earned, not due yet; payable: due; paid: sent; owed: what the vendor owes
-- us.
with account as (
    select currency, -sum(amount_minor)::bigint as balance
    from ledger_postings where account = 'vendor:' || $1::uuid
    group by currency
),
open_items as (
    select payouts.currency,
        coalesce(sum(i.amount_minor) filter (where i.due_at is null), 0)::bigint as pending,
        coalesce(sum(i.amount_minor) filter (where i.due_at is not null), 0)::bigint as payable
    from payouts
    inner join payout_items as i on i.payout_id = payouts.id
    where payouts.vendor_id = $1::uuid and payouts.status <> 'PAID'
    group by payouts.currency
),
paid as (
    select currency, sum(amount_minor)::bigint as paid
    from payouts where vendor_id = $1::uuid and status = 'PAID' group by currency
),
known as (
    select currency from account union select currency from open_items
    union select currency from paid union select $2::text
)
select
    known.currency,
    -- A refund of what is not due yet lowers what is not due yet.
    greatest(coalesce(o.pending, 0) + least(coalesce(o.payable, 0), 0), 0) as pending,
    greatest(coalesce(o.payable, 0), 0) as payable,
    coalesce(paid.paid, 0) as paid,
    greatest(-coalesce(account.balance, 0), 0) as owed
from known
left join account on account.currency = known.currency
left join open_items as o on o.currency = known.currency
left join paid on paid.currency = known.currency
order by known.currency;
