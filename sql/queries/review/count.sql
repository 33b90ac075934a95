-- $1 PRODUCT or VENDOR, $2 target
select count(*) as total from reviews
where target_kind = $1 and target_id = $2::uuid and status = 'PUBLISHED';
