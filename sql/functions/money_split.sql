-- p_amount cut in proportion to p_weights by largest remainder, as souk.money's split does it: equal
-- remainders go to the earlier part, and the parts always add up to p_amount. All weights 0: the
-- first part gets everything.
create or replace function money_split(p_amount bigint, p_weights bigint[]) returns bigint[]
language sql immutable as $$
    with weights as (
        select position, case
            when sum(weight) over () = 0 and position = 1 then 1 else weight end::numeric as weight
        from unnest(p_weights) with ordinality as w (weight, position)
    ),
    shares as (
        select position, div(p_amount * weight, sum(weight) over ()) as share,
            mod(p_amount * weight, sum(weight) over ()) as rest
        from weights
    ),
    ranked as (
        select position, share, row_number() over (order by rest desc, position) as place,
            p_amount - sum(share) over () as short
        from shares
    )
    select array_agg((share + case when place <= short then 1 else 0 end)::bigint order by position)
    from ranked;
$$;
