-- Why a PaymentIntent cannot be the one of this payment; null when it can. A cancelled one moves
-- no money, so that only its identity matters.
create or replace function payment_mismatch(p_payment payments, p_intent jsonb) returns text
language sql stable as $$
    select case
        when p_payment.provider_payment_id <> p_intent ->> 'id' then 'another PaymentIntent'
        when p_intent ->> 'orderId' is distinct from p_payment.order_id::text then 'another order'
        when p_intent ->> 'status' = 'SUCCEEDED' and p_payment.status in ('FAILED', 'CANCELLED')
            and p_payment.provider_payment_id is not null
            then 'succeeded after it had ended'
        when p_intent ->> 'status' = 'CANCELLED' then null
        when p_payment.quarantined_at is not null then p_payment.quarantine_reason
        when (p_intent ->> 'amount')::bigint is distinct from p_payment.amount_minor
            then 'another amount'
        when p_intent ->> 'status' = 'SUCCEEDED'
            and (p_intent ->> 'received')::bigint is distinct from p_payment.amount_minor
            then 'another amount received'
        when upper(p_intent ->> 'currency') is distinct from p_payment.currency
            then 'another currency'
        when (p_intent ->> 'isLive')::boolean is distinct from p_payment.is_live
            then 'another mode'
    end;
$$;
