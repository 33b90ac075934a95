-- $1 code
select id from plugin_coupons.coupons where code = upper($1) for update;
