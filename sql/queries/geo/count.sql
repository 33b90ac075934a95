-- How many vendors the geo index should hold.
select count(*) as total from vendors where status = 'ACTIVE' and lat_deg is not null;
