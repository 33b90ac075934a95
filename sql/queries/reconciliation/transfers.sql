-- $1 reconciliation, $2 transfers as Stripe lists them: those that went elsewhere than we say.
insert into reconciliation_findings
    (reconciliation_id, kind, object_id, currency, ours_minor, theirs_minor, note)
select $1::uuid, 'TRANSFERS_DIFFER', t.provider_transfer_id, t.currency, t.amount_minor, b.amount,
    case
        when t.destination <> b.destination
            then format('ours goes to %s, theirs to %s', t.destination, b.destination)
        else format('ours is of order %s, theirs of group %s', vendor_orders.order_id,
            b.transfer_group)
    end
from jsonb_to_recordset($2::jsonb) as b (
    id text, amount bigint, destination text, transfer_group text
)
inner join transfers as t on t.provider_transfer_id = b.id
left join vendor_orders on vendor_orders.id = t.vendor_order_id
where t.destination <> b.destination
    or (vendor_orders.order_id is not null
        and b.transfer_group is distinct from 'order_' || vendor_orders.order_id);
