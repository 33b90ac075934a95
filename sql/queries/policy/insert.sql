-- $1 name, $2 hash, $3 source, $4 note, $5 author or null, $6 origin. The version with this text,
-- made when there is none; is_new tells. The caller holds policy/lock.
with known as (
    select id, version from policy_versions where name = $1 and hash = $2
),
made as (
    insert into policy_versions (name, version, hash, source, note, author_id, origin)
    select $1, coalesce(max(version), 0) + 1, $2, $3, $4, $5::uuid, $6
    from policy_versions where name = $1
    having not exists (select from known)
    returning id, version
)
select id, version, false as is_new from known
union all
select id, version, true from made;
