-- Text that somebody wrote, as a cell: a spreadsheet would run what begins like a formula, so that
-- begins with an apostrophe.
create or replace function csv_words(p_text text) returns text language sql immutable as $$
    select case when p_text ~ '^[\s]*[=+\-@\t\r]' then '''' || p_text else p_text end;
$$;
