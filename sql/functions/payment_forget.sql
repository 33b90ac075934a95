-- Ends a live payment whose PaymentIntent Stripe does not know under our key: nothing can ever be
-- paid with it, and what it held must not wait for it.
create or replace function payment_forget(p_payment_id uuid, p_problem text)
returns void language plpgsql as $$
begin
    perform from orders
    where id = (select order_id from payments where id = p_payment_id) for update;
    update payments set status = 'CANCELLED', failure_message = p_problem, updated_at = now()
    where id = p_payment_id and status in ('CREATED', 'REQUIRES_ACTION', 'PROCESSING');
end;
$$;
