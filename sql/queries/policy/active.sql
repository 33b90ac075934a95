-- $1 name, $2 key (a buyer) or null
select policy_active($1, $2::uuid) as hash;
