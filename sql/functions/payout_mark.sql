-- What an administrator says of a payout that a bank makes: PAID (p_text is the bank's reference),
-- or FAILED (p_text is why), also after it was PAID, when the bank has returned it. SK404; SK411.
create or replace function payout_mark(p_id uuid, p_status text, p_text text) returns void
language plpgsql as $$
declare
    v_payout payouts;
    v_vendor text;
begin
    select * into v_payout from payouts where id = p_id for update;
    v_vendor := 'vendor:' || v_payout.vendor_id;
    if v_payout.id is null then
        raise exception 'not found' using errcode = 'SK404';
    elsif v_payout.provider <> 'manual' or v_payout.status || '>' || p_status not in (
        'PROCESSING>PAID', 'PROCESSING>FAILED', 'PAID>FAILED'
    ) then
        raise exception 'a % payout that is % cannot be marked %', v_payout.provider,
            v_payout.status, p_status using errcode = 'SK411';
    end if;
    if p_status = 'PAID' then
        perform ledger_post('payout_manual', p_id, null, v_payout.currency,
            array[v_vendor, 'bank'], array[v_payout.amount_minor, -v_payout.amount_minor]);
        update payouts set status = 'PAID', reference = p_text, paid_at = now(), updated_at = now()
        where id = p_id;
    else
        if v_payout.status = 'PAID' then
            perform ledger_post('payout_returned', p_id, null, v_payout.currency,
                array['bank', v_vendor], array[v_payout.amount_minor, -v_payout.amount_minor]);
        end if;
        update payouts set status = 'FAILED', failure_code = 'bank', failure_message = p_text,
            paid_at = null, updated_at = now()
        where id = p_id;
    end if;
    perform event_emit('payout.' || lower(p_status), jsonb_build_object(
        'payoutId', p_id, 'vendorId', v_payout.vendor_id,
        'amount', money_json(v_payout.amount_minor, v_payout.currency)));
end;
$$;
