-- {"amount": …, "currency": …}, the form of money in answers that SQL nests.
create or replace function money_json(p_amount_minor bigint, p_currency text) returns jsonb
language sql immutable as $$
    select jsonb_build_object('amount', p_amount_minor, 'currency', p_currency);
$$;
