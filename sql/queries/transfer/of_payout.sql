-- $1 payout. Its transfers that Stripe has not heard of yet, with what it must be told.
select transfers.id, transfers.payout_id, transfers.vendor_order_id, transfers.destination,
    transfers.charge_id, transfers.amount_minor, transfers.currency, vendor_orders.order_id
from transfers
left join vendor_orders on vendor_orders.id = transfers.vendor_order_id
where transfers.payout_id = $1::uuid and transfers.status = 'PENDING'
order by transfers.id;
