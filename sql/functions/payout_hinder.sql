-- Why a vendor cannot be paid through a provider now; null: it can.
create or replace function payout_hinder(p_vendor_id uuid, p_provider text) returns text
language plpgsql stable as $$
begin
    return case
        when (select status from vendors where id = p_vendor_id) <> 'ACTIVE'
            then 'the vendor is not active'
        when p_provider = 'stripe' then stripe_account_missing(p_vendor_id)
    end;
end;
$$;
