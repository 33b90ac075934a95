-- Sets a payment apart whose PaymentIntent is not what we asked for. The alert goes out once.
create or replace function payment_quarantine(p_payment_id uuid, p_reason text) returns void
language plpgsql as $$
begin
    update payments set quarantined_at = now(), quarantine_reason = p_reason, updated_at = now()
    where id = p_payment_id and quarantined_at is null;
    if found then
        perform event_emit('payment.quarantined', jsonb_build_object(
            'paymentId', p_payment_id, 'reason', p_reason));
    end if;
end;
$$;
