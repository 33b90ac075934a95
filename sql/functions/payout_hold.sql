-- Sets an open payout aside. SK404; SK411 when it is not open.
create or replace function payout_hold(p_id uuid, p_reason text) returns void
language plpgsql as $$
declare
    v_payout payouts;
begin
    select * into v_payout from payouts where id = p_id for update;
    if v_payout.id is null then
        raise exception 'not found' using errcode = 'SK404';
    elsif v_payout.status <> 'PENDING' then
        raise exception 'only an open payout can be held' using errcode = 'SK411';
    end if;
    update payouts set status = 'ON_HOLD', hold_reason = p_reason, updated_at = now()
    where id = p_id;
    perform event_emit('payout.on_hold', jsonb_build_object(
        'payoutId', p_id, 'vendorId', v_payout.vendor_id, 'reason', p_reason));
end;
$$;
