-- $1 status, $2 words of the name as a like pattern (null: all)
select count(*) as total
from vendors
where ($1::text is null or status = $1)
    and ($2::text is null or lower(business_name) like $2);
