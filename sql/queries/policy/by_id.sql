-- $1 version's id
select id, name, version, hash from policy_versions where id = $1::uuid;
