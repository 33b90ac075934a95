-- $1 vendor, $2 first day, $3 last day (UTC), $4 currency. Sales count when they are paid.
select
    to_char(days.day, 'YYYY-MM-DD') as day,
    count(vendor_orders.id) as orders,
    coalesce(sum(vendor_orders.subtotal_minor), 0)::bigint as "sales.amount",
    $4::text as "sales.currency",
    coalesce(sum(vendor_orders.earnings_minor), 0)::bigint as "earnings.amount",
    $4::text as "earnings.currency"
from generate_series($2::date::timestamp, $3::date::timestamp, interval '1 day') as days (day)
left join vendor_orders on vendor_orders.vendor_id = $1::uuid
    and vendor_orders.confirmed_at >= days.day at time zone 'UTC'
    and vendor_orders.confirmed_at < (days.day + interval '1 day') at time zone 'UTC'
    and vendor_orders.currency = $4
group by days.day
order by days.day;
