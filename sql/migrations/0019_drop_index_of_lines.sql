-- Lines of a vendor order are asked for by their order too, whose lines
-- order_items_order_id_product_id_key finds, as it does for the key that they name; written with
-- each line, and read by nobody.
drop index if exists order_items_vendor_order_id_idx;
