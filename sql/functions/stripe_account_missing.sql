-- Why nothing can be transferred to a vendor; null when it can be.
create or replace function stripe_account_missing(p_vendor_id uuid) returns text
language sql stable as $$
    select case
        when stripe_accounts.vendor_id is null then 'the vendor has no Stripe account'
        when stripe_accounts.status = 'DEAUTHORIZED'
            then 'the vendor has disconnected its Stripe account'
        when stripe_accounts.status <> 'OPEN' then 'the vendor''s Stripe account is not open'
        when stripe_accounts.transfers_capability <> 'active' then
            'the vendor''s Stripe account cannot receive transfers'
            || coalesce(': ' || stripe_accounts.disabled_reason, '')
    end
    from vendors
    left join stripe_accounts on stripe_accounts.vendor_id = vendors.id
    where vendors.id = p_vendor_id;
$$;
