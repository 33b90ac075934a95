-- What an order costs less (discounts that plugins give) and more (shipping): total = subtotal -
-- discount + shipping. A line's total is what its buyer pays for it; a vendor order's subtotal is
-- its lines and its shipping, the base of refunds and earnings.
alter table orders add column discount_minor bigint not null default 0;
alter table orders add column shipping_minor bigint not null default 0;
alter table orders drop constraint orders_total_is_subtotal;
alter table orders
    add constraint orders_total_adds_up
        check (total_minor = subtotal_minor - discount_minor + shipping_minor),
    add constraint orders_discount_within_subtotal
        check (discount_minor between 0 and subtotal_minor),
    add constraint orders_shipping_not_negative check (shipping_minor >= 0);

alter table vendor_orders add column shipping_minor bigint not null default 0;
alter table vendor_orders add constraint vendor_orders_shipping_within_subtotal
    check (shipping_minor between 0 and subtotal_minor);

alter table order_items add column discount_minor bigint not null default 0;
alter table order_items drop constraint order_items_line_is_price_times_quantity;
alter table order_items
    add constraint order_items_line_is_price_less_discount
        check (line_total_minor = unit_price_minor * quantity - discount_minor),
    add constraint order_items_discount_within_price
        check (discount_minor between 0 and unit_price_minor * quantity);

-- Which plugin has given what, and who bears it: VENDOR lowers the base of the fee, PLATFORM lowers
-- the fee itself.
create table order_discounts (
    order_id uuid not null,
    vendor_order_id uuid not null,
    position integer not null,
    plugin text not null,
    name text not null,
    bearer text not null,
    amount_minor bigint not null,
    constraint order_discounts_pkey primary key (vendor_order_id, position),
    constraint order_discounts_order_id_fkey foreign key (order_id) references orders (id),
    constraint order_discounts_vendor_order_id_fkey
        foreign key (vendor_order_id) references vendor_orders (id),
    constraint order_discounts_bearer_known check (bearer in ('VENDOR', 'PLATFORM')),
    constraint order_discounts_amount_positive check (amount_minor > 0)
);
create index order_discounts_order_id_idx on order_discounts (order_id);
