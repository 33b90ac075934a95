-- The one place where the state of a vendor's Stripe account is taken over, whoever brings it.
-- p_account: {id, attempt, transfers, chargesEnabled, payoutsEnabled, detailsSubmitted,
-- currentlyDue, disabledReason, country}. p_asked_at: when Stripe was asked, so that an answer that
-- was overtaken changes nothing; null for what the call that made the account answered, which is
-- older than all else. Outcome: READY (transfers have become possible), LOST (they no longer are),
-- CHANGED, SAME (older than what is known), FOREIGN (not the account that the vendor has now).
create or replace function stripe_account_apply(
    p_vendor_id uuid, p_account jsonb, p_asked_at timestamptz
) returns text language plpgsql as $$
declare
    v_row stripe_accounts;
    v_was_ready boolean;
    v_is_ready boolean := p_account ->> 'transfers' = 'active';
begin
    select * into v_row from stripe_accounts where vendor_id = p_vendor_id for update;
    if v_row.status is null or v_row.status not in ('CREATING', 'OPEN')
        or v_row.provider_account_id <> p_account ->> 'id'
        or v_row.status = 'CREATING' and (p_account ->> 'attempt')::integer <> v_row.attempt then
        return 'FOREIGN';
    end if;
    if v_row.status = 'OPEN' and coalesce(p_asked_at, '-infinity') < v_row.checked_at then
        return 'SAME';
    end if;
    v_was_ready := v_row.status = 'OPEN' and v_row.transfers_capability = 'active';
    update stripe_accounts set status = 'OPEN', provider_account_id = p_account ->> 'id',
        country = coalesce(p_account ->> 'country', country),
        transfers_capability = coalesce(p_account ->> 'transfers', 'unrequested'),
        is_charges_enabled = (p_account ->> 'chargesEnabled')::boolean,
        is_payouts_enabled = (p_account ->> 'payoutsEnabled')::boolean,
        is_details_submitted = (p_account ->> 'detailsSubmitted')::boolean,
        currently_due = p_account -> 'currentlyDue',
        disabled_reason = p_account ->> 'disabledReason', failure_message = null,
        checked_at = coalesce(p_asked_at, created_at), updated_at = now()
    where vendor_id = p_vendor_id;
    if v_is_ready = v_was_ready then
        return 'CHANGED';
    end if;
    update stripe_accounts set is_wake_due = v_is_ready where vendor_id = p_vendor_id;
    update payouts set hold_reason = payout_hinder(vendor_id, provider), updated_at = now()
    where vendor_id = p_vendor_id and status = 'PENDING';
    perform event_emit(
        'vendor.stripe_' || case when v_is_ready then 'ready' else 'restricted' end,
        jsonb_build_object('vendorId', p_vendor_id));
    return case when v_is_ready then 'READY' else 'LOST' end;
end;
$$;
