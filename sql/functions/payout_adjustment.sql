-- A vendor's line of an approved adjustment; p_amount_minor positive is in the vendor's favour.
create or replace function payout_adjustment(
    p_adjustment_id uuid, p_vendor_id uuid, p_currency text, p_amount_minor bigint
) returns void language plpgsql as $$
declare
    v_payout_id uuid := payout_open(p_vendor_id, p_currency);
begin
    insert into payout_items (payout_id, kind, adjustment_id, amount_minor, due_at)
    values (v_payout_id, 'ADJUSTMENT', p_adjustment_id, p_amount_minor, now());
    update payouts set amount_minor = amount_minor + p_amount_minor, updated_at = now()
    where id = v_payout_id;
end;
$$;
