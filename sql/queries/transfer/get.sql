-- $1 transfer
select transfers.id, transfers.payout_id, transfers.vendor_order_id, transfers.destination,
    transfers.amount_minor, transfers.currency, transfers.reversed_minor, transfers.status,
    transfers.provider_transfer_id, vendor_orders.order_id
from transfers
left join vendor_orders on vendor_orders.id = transfers.vendor_order_id
where transfers.id = $1::uuid;
