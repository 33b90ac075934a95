-- One record of RFC 4180 with its line break. Cells that people wrote go through csv_words first.
create or replace function csv_line(p_cells text[]) returns text language sql immutable as $$
    select string_agg(csv_cell(cell), ',' order by place) || e'\r\n'
    from unnest(p_cells) with ordinality as c (cell, place);
$$;
