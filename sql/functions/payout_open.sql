-- The open payout of a vendor and currency, made when there is none, with its row lock.
create or replace function payout_open(p_vendor_id uuid, p_currency text) returns uuid
language sql as $$
    insert into payouts (vendor_id, currency) values (p_vendor_id, p_currency)
    on conflict (vendor_id, currency) where status = 'PENDING' do update set updated_at = now()
    returning id;
$$;
