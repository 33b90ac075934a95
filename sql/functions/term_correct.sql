-- What somebody may have meant by a word, from the dictionary.

-- How many typing errors apart: a swap is one, not two.
create or replace function term_distance(p_typed text, p_word text) returns integer
language sql immutable strict parallel safe as $$
    select case
        when levenshtein_less_equal(p_typed, p_word, 2) = 2
            and length(p_typed) = length(p_word)
            and exists (
                select from generate_series(1, length(p_typed) - 1) as place
                where overlay(p_typed placing
                    substr(p_typed, place + 1, 1) || substr(p_typed, place, 1) from place for 2)
                    = p_word
            ) then 1
        else levenshtein_less_equal(p_typed, p_word, 2)
    end
$$;

-- The words that p_typed may be, the likeliest first: one error apart, else two; of the same
-- distance the one that more products have. A known word is only itself.
create or replace function term_candidates(p_typed text, p_limit integer)
returns table (word text, distance integer, in_names integer, in_products integer)
language plpgsql stable rows 5
set pg_trgm.similarity_threshold = 0.3 as $$
begin
    return query
    select terms.word, term_distance(p_typed, terms.word), terms.in_names, terms.in_products
    from terms
    where term_keys(terms.word) && term_keys(p_typed)
        and term_distance(p_typed, terms.word) <= 1
    order by 2, terms.in_products desc, terms.word
    limit p_limit;
    if not found and length(p_typed) >= 5 then
        return query
        select terms.word, term_distance(p_typed, terms.word), terms.in_names, terms.in_products
        from terms
        where terms.word % p_typed and term_distance(p_typed, terms.word) <= 2
        order by 2, terms.in_products desc, terms.word
        limit p_limit;
    end if;
end;
$$;

-- The best word for each of p_words that no product has, by itself or by its stem. Words that have
-- none, short ones and those that search leaves out anyway have no row.
create or replace function term_corrections(p_words text[])
returns table (typed text, word text)
language sql stable rows 5 as $$
    select typed.word, best.word
    from (
        select distinct lower(given.word) as word
        from unnest(p_words) as given (word)
        where length(given.word) between 3 and 30
    ) as typed
    cross join lateral (select ts_lexize('english_stem', typed.word) as stem) as stems
    cross join lateral (select * from term_candidates(typed.word, 1)) as best
    where stems.stem[1] is not null
        and not exists (select from terms where terms.stem = stems.stem[1])
$$;
