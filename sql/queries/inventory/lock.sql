-- $1 product, whose own row is locked already: products before product_stock.
select stock, reserved
from product_stock
where product_id = $1::uuid
for no key update;
