-- A cell of RFC 4180: quoted where a comma, a quote, a line break or a space at an end makes it
-- necessary. Null is an empty cell.
create or replace function csv_cell(p_text text) returns text language sql immutable as $$
    select case
        when p_text is null then ''
        when p_text ~ '[",\r\n]|^\s|\s$' then '"' || replace(p_text, '"', '""') || '"'
        else p_text
    end;
$$;
