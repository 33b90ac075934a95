-- An amount for people: 5400 USD is 54.00, 5400 JPY is 5400, 5400 BHD is 5.400.
create or replace function money_text(p_amount_minor bigint, p_currency text) returns text
language sql immutable as $$
    select round(
        p_amount_minor::numeric / 10::numeric ^ currency_exponent(p_currency),
        currency_exponent(p_currency)
    )::text;
$$;
