-- $1 vendor or null for all, $2 after this vendor, $3 how many. Whose open payouts have something
-- due; is_taken_today: a run has taken one of that currency today.
select waiting.vendor_id, waiting.currency, waiting.is_taken_today, vendors.tier, vendors.country
from (
    select payouts.vendor_id, payouts.currency, exists (
            select from payouts as taken
            where taken.vendor_id = payouts.vendor_id and taken.currency = payouts.currency
                and taken.taken_at >= date_trunc('day', now() at time zone 'UTC') at time zone 'UTC'
        ) as is_taken_today
    from payouts
    where payouts.status = 'PENDING'
        and ($1::uuid is null or payouts.vendor_id = $1::uuid)
        and ($2::uuid is null or payouts.vendor_id > $2::uuid)
        and exists (
            select from payout_items as i where i.payout_id = payouts.id and i.due_at <= now()
        )
    order by payouts.vendor_id
    fetch first ($3::integer) rows with ties
) as waiting
inner join vendors on vendors.id = waiting.vendor_id
order by waiting.vendor_id;
