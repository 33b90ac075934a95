-- How many digits of an amount in minor units stand behind the point (ISO 4217).
create or replace function currency_exponent(p_currency text) returns integer
language sql immutable as $$
    select case
        when p_currency in ('BIF', 'CLP', 'DJF', 'GNF', 'ISK', 'JPY', 'KMF', 'KRW', 'MGA', 'PYG',
            'RWF', 'UGX', 'VND', 'VUV', 'XAF', 'XOF', 'XPF') then 0
        when p_currency in ('BHD', 'IQD', 'JOD', 'KWD', 'LYD', 'OMR', 'TND') then 3
        else 2
    end;
$$;
