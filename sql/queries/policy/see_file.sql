-- $1 name, $2 hash
insert into policy_files (name, hash) values ($1, $2)
on conflict on constraint policy_files_pkey do update set hash = excluded.hash, seen_at = now();
