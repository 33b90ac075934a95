-- A refund that the provider could not make: the books go back by a compensating transaction. Once
-- only.
create or replace function refund_fail(p_refund_id uuid, p_message text) returns void
language plpgsql as $$
declare
    v_refund refunds;
    v_part record;
begin
    perform from orders where id = (select order_id from refunds where id = p_refund_id) for update;
    update refunds set status = 'FAILED', failure_message = p_message, updated_at = now()
    where id = p_refund_id and status <> 'FAILED'
    returning * into v_refund;
    if v_refund.id is null then
        return;
    end if;
    for v_part in
        update vendor_orders set refunded_minor = refunded_minor - refund_parts.amount_minor,
            refunded_fee_minor = refunded_fee_minor - refund_parts.fee_minor, updated_at = now()
        from refund_parts
        where refund_parts.refund_id = p_refund_id
            and vendor_orders.id = refund_parts.vendor_order_id
        returning vendor_orders.id, refund_parts.earnings_minor
    loop
        perform payout_adjust('REFUND_FAILED', v_part.id, p_refund_id, v_part.earnings_minor);
    end loop;
    perform payment_count_refund(v_refund.payment_id, -v_refund.amount_minor);
    perform ledger_post('refund_failed', p_refund_id, v_refund.order_id, v_refund.currency,
        p.accounts, p.amounts)
    from (
        select array_agg(ledger_postings.account order by ledger_postings.id) as accounts,
            array_agg(-ledger_postings.amount_minor order by ledger_postings.id) as amounts
        from ledger_transactions
        inner join ledger_postings on ledger_postings.transaction_id = ledger_transactions.id
        where ledger_transactions.kind = 'refund' and ledger_transactions.ref = p_refund_id::text
    ) as p;
    perform event_emit('refund.failed', jsonb_build_object(
        'orderId', v_refund.order_id, 'refundId', p_refund_id));
end;
$$;
