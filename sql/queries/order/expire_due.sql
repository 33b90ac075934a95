-- $1 how many at most
select order_expire_due($1::integer) as expired;
