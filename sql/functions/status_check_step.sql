-- The last wall of the state machines: whatever code says, an illegal step does not commit.
create or replace function status_check_step() returns trigger language plpgsql as $$
declare
    v_step text := old.status || '>' || new.status;
    v_legal text[] := case tg_table_name
        when 'orders' then array[
            'PENDING>CONFIRMED', 'PENDING>EXPIRED', 'PENDING>CANCELLED', 'EXPIRED>CONFIRMED',
            'CANCELLED>CONFIRMED', 'CONFIRMED>COMPLETED', 'CONFIRMED>CANCELLED']
        when 'vendor_orders' then array[
            'PENDING>CONFIRMED', 'PENDING>CANCELLED', 'CANCELLED>CONFIRMED', 'CONFIRMED>PROCESSING',
            'CONFIRMED>CANCELLED', 'PROCESSING>SHIPPED', 'PROCESSING>CANCELLED',
            'SHIPPED>DELIVERED', 'DELIVERED>COMPLETED']
        when 'payments' then array[
            'CREATED>REQUIRES_ACTION', 'CREATED>PROCESSING', 'CREATED>SUCCEEDED', 'CREATED>FAILED',
            'CREATED>CANCELLED', 'REQUIRES_ACTION>CREATED', 'REQUIRES_ACTION>PROCESSING',
            'REQUIRES_ACTION>SUCCEEDED', 'REQUIRES_ACTION>FAILED', 'REQUIRES_ACTION>CANCELLED',
            'PROCESSING>CREATED', 'PROCESSING>REQUIRES_ACTION', 'PROCESSING>SUCCEEDED',
            'PROCESSING>FAILED', 'PROCESSING>CANCELLED', 'SUCCEEDED>PARTIALLY_REFUNDED',
            'SUCCEEDED>REFUNDED', 'PARTIALLY_REFUNDED>REFUNDED',
            'PARTIALLY_REFUNDED>SUCCEEDED', 'REFUNDED>PARTIALLY_REFUNDED', 'REFUNDED>SUCCEEDED',
            'FAILED>SUCCEEDED', 'CANCELLED>SUCCEEDED']
        when 'payouts' then array[
            'PENDING>PROCESSING', 'PROCESSING>PAID', 'PROCESSING>FAILED', 'FAILED>PENDING',
            'PAID>FAILED', 'PENDING>ON_HOLD', 'ON_HOLD>PENDING']
    end;
begin
    -- A cancelled row comes back only for a late payment: one that was never paid before. A
    -- payment that we ended ourselves comes back only if Stripe never confirmed that end.
    if not v_step = any (v_legal)
        or (v_step = 'CANCELLED>CONFIRMED' and (to_jsonb(old) ->> 'confirmed_at') is not null)
        or (v_step in ('FAILED>SUCCEEDED', 'CANCELLED>SUCCEEDED')
            and (to_jsonb(old) ->> 'provider_payment_id') is not null) then
        raise exception 'this step is not allowed from the current status'
            using errcode = 'SK411', hint = tg_table_name || ' ' || v_step;
    end if;
    return new;
end;
$$;
