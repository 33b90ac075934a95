-- $1 currency, $2 the marketplace's. What was ever booked can be corrected.
select $1 = $2 or exists (select from ledger_postings where currency = $1) as is_known;
