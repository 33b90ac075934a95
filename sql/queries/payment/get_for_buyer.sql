-- $1 order, $2 buyer, $3 payment
select payments.id
from payments
inner join orders on orders.id = payments.order_id
where orders.id = $1::uuid and orders.buyer_id = $2::uuid and payments.id = $3::uuid;
