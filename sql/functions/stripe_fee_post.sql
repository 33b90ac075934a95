-- Posts what Stripe kept of a payment, once: it is what the balance transaction of the charge says,
-- and is not given back with a refund. Kept on the payment even when it is 0, so that nobody asks
-- again. False when it was known.
create or replace function stripe_fee_post(p_payment_id uuid, p_fee_minor bigint) returns boolean
language plpgsql as $$
declare
    v_payment payments;
begin
    perform from orders
    where id = (select order_id from payments where payments.id = p_payment_id) for update;
    update payments set fee_minor = p_fee_minor, updated_at = now()
    where id = p_payment_id and fee_minor is null and succeeded_at is not null
        and quarantined_at is null
    returning * into v_payment;
    if v_payment.id is null then
        return false;
    elsif p_fee_minor <> 0 then
        perform ledger_post('stripe_fee', p_payment_id, v_payment.order_id, v_payment.currency,
            array['stripe_fee', 'stripe'], array[p_fee_minor, -p_fee_minor]);
    end if;
    return true;
end;
$$;
