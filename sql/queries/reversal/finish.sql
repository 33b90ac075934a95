-- $1 reversal, $2 Stripe's id
select reversal_finish($1::uuid, $2) as is_news;
