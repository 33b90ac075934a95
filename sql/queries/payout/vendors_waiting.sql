-- $1 vendor or null for all, $2 after this vendor, $3 how many. Who has earnings that no run has
-- taken. All currencies of a vendor come together.
select waiting.vendor_id, waiting.currency, vendors.tier, vendors.country
from (
    select distinct payouts.vendor_id, payouts.currency
    from payouts
    where payouts.status in ('PENDING', 'ON_HOLD')
        and ($1::uuid is null or payouts.vendor_id = $1::uuid)
        and ($2::uuid is null or payouts.vendor_id > $2::uuid)
        and exists (
            select from payout_items as i where i.payout_id = payouts.id and i.kind = 'EARNING'
        )
    order by payouts.vendor_id
    fetch first ($3::integer) rows with ties
) as waiting
inner join vendors on vendors.id = waiting.vendor_id
order by waiting.vendor_id;
