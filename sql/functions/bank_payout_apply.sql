-- News of a payout from a Stripe balance to a bank, in any order and as often as it comes. p_payout:
-- {id, amount, currency, status (ours), failureMessage?, arrivesAt?, createdAt (both in seconds)}.
-- A vendor's payout is only told; the platform's own (p_vendor_id null) moves the books: Stripe
-- debits the balance when it makes a payout, and credits it again when that fails. False when it
-- is old news: what a payout has gone through it does not go back to; one that was paid may fail.
create or replace function bank_payout_apply(p_vendor_id uuid, p_payout jsonb) returns boolean
language plpgsql as $$
declare
    v_steps constant text[] := array['PENDING', 'IN_TRANSIT', 'PAID', 'FAILED', 'CANCELLED'];
    v_ended constant text[] := array['FAILED', 'CANCELLED'];
    v_row bank_payouts;
    v_status text := p_payout ->> 'status';
    v_arrives_at timestamptz := to_timestamp((p_payout ->> 'arrivesAt')::bigint);
begin
    insert into bank_payouts (
        provider_payout_id, vendor_id, amount_minor, currency, status, failure_message, arrives_at,
        occurred_at
    )
    values (
        p_payout ->> 'id', p_vendor_id, (p_payout ->> 'amount')::bigint,
        upper(p_payout ->> 'currency'), v_status, p_payout ->> 'failureMessage', v_arrives_at,
        to_timestamp((p_payout ->> 'createdAt')::bigint)
    )
    on conflict on constraint bank_payouts_provider_payout_id_key do nothing
    returning * into v_row;
    if v_row.id is null then
        select * into v_row from bank_payouts where provider_payout_id = p_payout ->> 'id'
        for update;
        if v_row.vendor_id is distinct from p_vendor_id or v_row.status = any(v_ended)
            or array_position(v_steps, v_status) < array_position(v_steps, v_row.status) then
            return false;
        end if;
        update bank_payouts set status = v_status, arrives_at = v_arrives_at, updated_at = now(),
            failure_message = p_payout ->> 'failureMessage'
        where id = v_row.id;
    end if;
    if p_vendor_id is null then
        perform ledger_post('bank_payout', v_row.id, null, v_row.currency,
            array['bank', 'stripe'], array[v_row.amount_minor, -v_row.amount_minor]);
        if v_status = any(v_ended) then
            perform ledger_post('bank_payout_failed', v_row.id, null, v_row.currency,
                array['stripe', 'bank'], array[v_row.amount_minor, -v_row.amount_minor]);
        end if;
    end if;
    return true;
end;
$$;
