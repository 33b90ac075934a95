-- Fees are read by vendor order (sql/queries/invariant/fees.sql), never by the version that made
-- them: an eighth of what a vendor order takes on disk, written with each.
drop index if exists vendor_orders_fee_policy_version_id_idx;
