-- $1 vendor (null: the platform), $2 the payout in our words
select bank_payout_apply($1::uuid, $2::jsonb) as is_changed;
