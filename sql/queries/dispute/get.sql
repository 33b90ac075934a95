-- $1 dispute
select * from dispute_public where id = $1::uuid;
