-- $1 refund or null, $2 dispute or null. What of it each vendor order should give back: of a
-- dispute only those that are taken back at once, or that have lost it.
select vendor_order_id, earnings_minor as amount_minor
from refund_parts where refund_id = $1::uuid and earnings_minor > 0
union all
select dispute_parts.vendor_order_id, dispute_parts.amount_minor
from dispute_parts inner join disputes on disputes.id = dispute_parts.dispute_id
where dispute_parts.dispute_id = $2::uuid and dispute_parts.amount_minor > 0
    and (dispute_parts.is_reversed
        or disputes.state = 'LOST' and dispute_parts.liable = 'VENDOR')
order by vendor_order_id;
