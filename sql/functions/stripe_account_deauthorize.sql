-- The vendor has disconnected its account: nothing can be sent there any more. Final for that
-- account; payouts wait until the vendor has another one. False when it is not the one it has now.
create or replace function stripe_account_deauthorize(
    p_vendor_id uuid, p_provider_account_id text
) returns boolean language plpgsql as $$
begin
    update stripe_accounts set status = 'DEAUTHORIZED', transfers_capability = 'inactive',
        is_charges_enabled = false, is_payouts_enabled = false, updated_at = now()
    where vendor_id = p_vendor_id and status = 'OPEN'
        and provider_account_id = p_provider_account_id;
    if not found then
        return false;
    end if;
    update payouts set hold_reason = payout_hinder(vendor_id, provider), updated_at = now()
    where vendor_id = p_vendor_id and status = 'PENDING';
    perform event_emit('vendor.stripe_disconnected', jsonb_build_object('vendorId', p_vendor_id));
    return true;
end;
$$;
