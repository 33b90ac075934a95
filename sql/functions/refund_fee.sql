-- The platform fee in the next p_amount_minor that is refunded of a vendor order: what the fee of
-- all that was refunded so far comes to, less what was given back of it. Refunds that failed can
-- have left it unevenly rounded; then it is what keeps fee and earnings within what they have left.
create or replace function refund_fee(
    p_subtotal_minor bigint, p_fee_minor bigint, p_refunded_minor bigint,
    p_refunded_fee_minor bigint, p_amount_minor bigint
) returns bigint language sql immutable as $$
    select least(
        p_amount_minor,
        p_fee_minor - p_refunded_fee_minor,
        greatest(
            0,
            p_refunded_minor + p_amount_minor - (p_subtotal_minor - p_fee_minor)
                - p_refunded_fee_minor,
            div(p_fee_minor::numeric * (p_refunded_minor + p_amount_minor), p_subtotal_minor)::bigint
                - p_refunded_fee_minor
        )
    );
$$;
