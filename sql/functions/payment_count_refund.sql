-- Counts a refund (or, negative, one that failed) on its payment, whose status follows.
create or replace function payment_count_refund(p_payment_id uuid, p_amount_minor bigint)
returns void language sql as $$
    update payments set refunded_minor = refunded_minor + p_amount_minor, updated_at = now(),
        status = case refunded_minor + p_amount_minor
            when 0 then 'SUCCEEDED' when amount_minor then 'REFUNDED' else 'PARTIALLY_REFUNDED'
        end
    where id = p_payment_id;
$$;
