-- $1 version's id, $2 state
update policy_versions set state = $2 where id = $1::uuid;
