-- $1 coupon, $2 order, $3 buyer
insert into plugin_coupons.redemptions (coupon_id, order_id, buyer_id)
values ($1::uuid, $2::uuid, $3::uuid);
