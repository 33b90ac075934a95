-- A line names its vendor order together with that one's order and vendor: one key says what two
-- said, and that the three agree, which no key said. What is checked of a line, it is checked once.
-- A line of a fee is known by its place in a vendor order; nobody asked for its id.
-- Orders are not written meanwhile: some four seconds a million lines.
alter table vendor_orders
add constraint vendor_orders_id_order_id_vendor_id_key unique (id, order_id, vendor_id);

alter table order_items
drop constraint order_items_order_id_fkey,
drop constraint order_items_vendor_order_id_fkey,
add constraint order_items_vendor_order_fkey
    foreign key (vendor_order_id, order_id, vendor_id)
    references vendor_orders (id, order_id, vendor_id);

alter table fee_lines
drop constraint fee_lines_pkey,
drop constraint fee_lines_vendor_order_id_position_key,
drop column id,
add constraint fee_lines_pkey primary key (vendor_order_id, position);
