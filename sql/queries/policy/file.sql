-- $1 name. The file's text that was seen last, and whether any version was ever active.
select
    (select hash from policy_files where name = $1) as hash,
    exists (select from policy_activations where name = $1) as is_begun;
