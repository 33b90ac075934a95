-- $1 quantities, a reservation each: all of them in one change of the row.
with wanted as materialized (
    select w.quantity, w.at from unnest($1::integer[]) with ordinality as w (quantity, at)
),
taken as (
    update bench_stock
    set reserved = reserved + whole.quantity
    from (select sum(wanted.quantity) as quantity from wanted) as whole
    where id = 1 and stock - reserved >= whole.quantity
    returning id
)
insert into bench_reservations (product, quantity)
select taken.id, wanted.quantity from taken cross join wanted order by wanted.at
returning id;
