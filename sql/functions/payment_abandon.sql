-- Ends a payment whose create call has never left us, or was refused for good: there is no
-- PaymentIntent.
create or replace function payment_abandon(p_payment_id uuid, p_status text, p_problem text)
returns void language plpgsql as $$
begin
    perform from orders
    where id = (select order_id from payments where id = p_payment_id) for update;
    update payments set status = p_status, failure_message = p_problem, updated_at = now()
    where id = p_payment_id and provider_payment_id is null
        and status in ('CREATED', 'REQUIRES_ACTION', 'PROCESSING');
end;
$$;
