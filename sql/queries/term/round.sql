-- $1 products a turn, $2 parts in which the counts are put together.
select term_round($1::integer, $2::integer) as is_done;
