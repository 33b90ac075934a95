-- $1 vendor, $2 the marketplace's currency, which is always listed. pending: earned, not due yet;
-- payable: due; paid: what was sent and not taken back; owed: what the vendor owes us.
with account as (
    select ledger_postings.currency, -sum(amount_minor)::bigint as balance,
        coalesce(sum(amount_minor) filter (
            where kind in ('transfer', 'reversal', 'payout_manual', 'payout_returned')
        ), 0)::bigint as paid
    from ledger_postings
    inner join ledger_transactions on ledger_transactions.id = ledger_postings.transaction_id
    where account = 'vendor:' || $1::uuid
    group by ledger_postings.currency
),
items as (
    select payouts.currency, i.amount_minor, i.due_at <= now() and not exists (
            select from payout_items as e
            where e.payout_id = i.payout_id and e.vendor_order_id = i.vendor_order_id
                and e.kind = 'EARNING' and (e.due_at is null or e.due_at > now())
        ) as is_due
    from payouts
    inner join payout_items as i on i.payout_id = payouts.id
    where payouts.vendor_id = $1::uuid and payouts.status <> 'PAID'
    union all
    select payouts.currency, -transfers.amount_minor, true
    from payouts
    inner join transfers on transfers.payout_id = payouts.id and transfers.status = 'DONE'
    where payouts.vendor_id = $1::uuid and payouts.status = 'PROCESSING' and not exists (
        select from payout_items as i
        where i.kind = 'TRANSFERRED' and i.transfer_id = transfers.id
    )
),
open_items as (
    select currency,
        coalesce(sum(amount_minor) filter (where is_due is not true), 0)::bigint as pending,
        coalesce(sum(amount_minor) filter (where is_due), 0)::bigint as payable
    from items group by currency
),
known as (
    select currency from account union select currency from open_items union select $2::text
)
select
    known.currency,
    -- A debt lowers what is not due yet before it is owed.
    greatest(coalesce(o.pending, 0) + least(coalesce(o.payable, 0), 0), 0) as pending,
    greatest(coalesce(o.payable, 0) + least(coalesce(o.pending, 0), 0), 0) as payable,
    coalesce(account.paid, 0) as paid,
    greatest(-coalesce(account.balance, 0), 0) as owed
from known
left join account on account.currency = known.currency
left join open_items as o on o.currency = known.currency
order by known.currency;
