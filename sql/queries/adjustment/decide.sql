-- $1 adjustment, $2 POSTED or REJECTED, $3 who
select adjustment_decide($1::uuid, $2, $3::uuid);
