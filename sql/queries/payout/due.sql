-- $1 vendors, $2 their currencies, $3 what must be reached, $4 days of grace, $5 order or null
select payout_due($1::uuid[], $2::text[], $3::text[], $4::integer[], $5::uuid) as changed;
