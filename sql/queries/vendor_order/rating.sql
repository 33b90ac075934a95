-- $1 vendor
select rating_average as average, rating_count as count from vendors where id = $1::uuid;
