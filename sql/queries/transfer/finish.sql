-- $1 transfer, $2 Stripe's id, or null and $3 code, $4 message of its refusal
select transfer_finish($1::uuid, $2, $3, $4) as is_news;
