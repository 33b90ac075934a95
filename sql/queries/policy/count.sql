-- $1 name
select count(*) as total from policy_versions where name = $1;
