-- $1 code, $2 whether it is on
update plugin_coupons.coupons set is_active = $2::boolean where code = $1 returning code;
