-- $1 order, $2 vendor order or null, $3 amount or null, $4 items or null, $5 restocked, $6 cause,
-- $7 reason, $8 user
select refund_ask($1::uuid, $2::uuid, $3::bigint, $4::jsonb, $5::boolean, $6, $7, $8::uuid)
    as refund_id;
