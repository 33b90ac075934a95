-- $1 id, $2 email, $3 password hash, $4 name, $5 role
insert into users (id, email, password_hash, name, role)
values ($1::uuid, $2, $3, $4, $5)
returning created_at;
