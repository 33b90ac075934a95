-- $1 reversal, $2 what the vendor's balance has (null: not known yet; 0: give up), $3 code or null
select reversal_yield($1::uuid, $2::bigint, $3) as status;
