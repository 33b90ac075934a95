-- Makes a payout that was held (p_from ON_HOLD) or has FAILED the vendor's open one. What the open
-- one of now holds moves into it; one that a bank has returned is over (its postings are made), so
-- there it is the other way round. Returns the payout that is open now. SK404; SK411.
create or replace function payout_reopen(p_id uuid, p_from text) returns uuid
language plpgsql as $$
declare
    v_payout payouts;
    v_other payouts;
begin
    select * into v_payout from payouts where id = p_id;
    perform from payouts
    where id = p_id or (vendor_id = v_payout.vendor_id and currency = v_payout.currency
        and status = 'PENDING')
    order by id for update;
    select * into v_payout from payouts where id = p_id;
    if v_payout.id is null then
        raise exception 'not found' using errcode = 'SK404';
    elsif v_payout.status <> p_from or v_payout.amount_minor = 0 and p_from = 'FAILED' then
        raise exception 'a payout that is % cannot be opened again', v_payout.status
            using errcode = 'SK411';
    end if;
    -- Made if need be, for one that another transaction has made is not seen but in the way.
    v_other.id := payout_open(v_payout.vendor_id, v_payout.currency);
    if exists (
        select from ledger_transactions where kind = 'payout_returned' and ref = p_id::text
    ) then
        update payout_items set payout_id = v_other.id where payout_id = p_id;
        update payouts set amount_minor = amount_minor + v_payout.amount_minor, updated_at = now()
        where id = v_other.id;
        update payouts set amount_minor = 0, updated_at = now() where id = p_id;
        return v_other.id;
    end if;
    select * into v_other from payouts where id = v_other.id;
    update payout_items set payout_id = p_id where payout_id = v_other.id;
    update transfers set payout_id = p_id where payout_id = v_other.id;
    delete from payouts where id = v_other.id;
    update payouts set status = 'PENDING', hold_reason = null, updated_at = now(),
        failure_code = null, failure_message = null, taken_at = null,
        amount_minor = amount_minor + v_other.amount_minor
    where id = p_id;
    return p_id;
end;
$$;
