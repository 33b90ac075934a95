-- The vendor's account, begun when there is none; begun anew, by one more attempt, when the last
-- one was disconnected or could not be made. The row is locked.
create or replace function stripe_account_open(p_vendor_id uuid, p_country text)
returns stripe_accounts language plpgsql as $$
declare
    v_row stripe_accounts;
begin
    insert into stripe_accounts as known (vendor_id, country) values (p_vendor_id, p_country)
    on conflict on constraint stripe_accounts_pkey do update set
        attempt = known.attempt + 1, status = 'CREATING', provider_account_id = null,
        country = excluded.country, is_charges_enabled = false, is_payouts_enabled = false,
        is_details_submitted = false, transfers_capability = 'inactive', currently_due = '[]',
        disabled_reason = null, failure_message = null, checked_at = null, updated_at = now()
    where known.status in ('DEAUTHORIZED', 'FAILED');
    select * into v_row from stripe_accounts where vendor_id = p_vendor_id for update;
    return v_row;
end;
$$;
