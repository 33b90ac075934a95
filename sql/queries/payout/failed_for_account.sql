-- $1 vendor, $2 codes. Payouts that Stripe refused because of the vendor's account.
select id from payouts
where vendor_id = $1::uuid and status = 'FAILED' and provider = 'stripe'
    and failure_code = any ($2::text[])
order by id;
