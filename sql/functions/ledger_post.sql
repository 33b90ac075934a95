-- Posts one event, once: false when (kind, ref) was posted before. Zero amounts are left out,
-- amounts of one account are added up; the deferred constraint refuses what does not sum to 0.
create or replace function ledger_post(
    p_kind text, p_ref uuid, p_order_id uuid, p_currency text, p_accounts text[], p_amounts bigint[]
) returns boolean language plpgsql as $$
declare
    v_id uuid;
begin
    insert into ledger_transactions (kind, ref, order_id) values (p_kind, p_ref, p_order_id)
    on conflict on constraint ledger_transactions_kind_ref_key do nothing
    returning id into v_id;
    if v_id is null then
        return false;
    end if;
    insert into ledger_postings (transaction_id, account, currency, amount_minor)
    select v_id, p.account, p_currency, sum(p.amount_minor)
    from unnest(p_accounts, p_amounts) with ordinality as p (account, amount_minor, position)
    group by p.account
    having sum(p.amount_minor) <> 0
    order by min(p.position);
    return true;
end;
$$;
