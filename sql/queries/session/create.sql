-- $1 id, $2 user
insert into sessions (id, user_id) values ($1::uuid, $2::uuid);
