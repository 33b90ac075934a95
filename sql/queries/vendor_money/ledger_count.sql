-- $1 vendor
select count(*) as total from ledger_postings where account = 'vendor:' || $1::uuid;
