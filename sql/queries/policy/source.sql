-- $1 name, $2 hash
select source from policy_versions where name = $1 and hash = $2;
