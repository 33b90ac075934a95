-- $1 id, $2 email, $3 password hash, $4 name. No row: the e-mail is that of a buyer or vendor.
insert into users (id, email, password_hash, name, role)
values ($1::uuid, $2, $3, $4, 'ADMIN')
on conflict (email) do update
set password_hash = excluded.password_hash,
    name = excluded.name,
    status = 'ACTIVE',
    updated_at = now()
where users.role = 'ADMIN'
returning id;
