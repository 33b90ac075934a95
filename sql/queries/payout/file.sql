-- $1 currency or null for all. What a bank is to be told of payouts by hand that are on their way.
select csv_line(array['payout', 'vendor', 'business', 'amount', 'currency', 'taken'])
    || coalesce(string_agg(csv_line(array[
        payouts.id::text, payouts.vendor_id::text, csv_words(vendors.business_name),
        money_text(payouts.amount_minor, payouts.currency), payouts.currency,
        time_json(payouts.taken_at)
    ]), '' order by payouts.taken_at, payouts.id), '') as text
from payouts
inner join vendors on vendors.id = payouts.vendor_id
where payouts.status = 'PROCESSING' and payouts.provider = 'manual'
    and ($1::text is null or payouts.currency = $1);
