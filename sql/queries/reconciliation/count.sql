-- $1 status or null
select count(*) as total from reconciliations where $1::text is null or status = $1;
