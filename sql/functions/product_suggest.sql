-- Completing the name of a product: first the names that begin as it was typed, then those that
-- have the words, the last of them perhaps begun only, misspelt ones put right. The dictionary
-- tells how many names have a word: rare ones are asked of the index, common ones of the newest
-- products.

drop function if exists product_suggest_query(text);
drop function if exists product_suggest_by_index(tsquery);

-- The words that p_word may become, and how many names they are in. Of those that are in thousands
-- of names only the commonest: an index takes long to put all words of a beginning together, and has
-- the few words there are in it at once.
create or replace function product_suggest_begun(
    p_word text, out words text[], out in_names bigint
) language plpgsql stable as $$
declare
    SHORT_MAX constant integer := 10;
    WORDS_MAX constant integer := 16;
    RARE_MAX constant integer := 2000;
begin
    if length(p_word) = 1 then
        select array_agg(begun.word), sum(begun.in_names) into words, in_names
        from (
            select terms.word, terms.in_names from terms where left(terms.word, 1) = p_word
            order by terms.in_names desc limit SHORT_MAX
        ) as begun;
        return;
    elsif length(p_word) = 2 then
        select array_agg(begun.word), sum(begun.in_names) into words, in_names
        from (
            select terms.word, terms.in_names from terms where left(terms.word, 2) = p_word
            order by terms.in_names desc limit SHORT_MAX
        ) as begun;
        return;
    end if;
    select (array_agg(terms.word order by terms.in_names desc))[:WORDS_MAX], sum(terms.in_names)
    into words, in_names
    from terms
    where terms.word ~>=~ p_word and terms.word ~<~ (p_word || chr(1114111));
    if coalesce(in_names, 0) <= RARE_MAX then
        words := array[p_word || ':*'];
    end if;
end;
$$;

-- What a name must have, as tsqueries: the last word apart from those before it, since an index is
-- twice as fast with a condition for each as with one for both; of one word is_begun is all there
-- is. rarest: how many names have the rarest part.
create or replace function product_suggest_queries(
    p_typed text, out is_whole tsquery, out is_begun tsquery, out rarest bigint
) language plpgsql stable as $$
declare
    v_words constant text[] := array(
        select typed[1] from regexp_matches(p_typed, '[[:alnum:]]+', 'g') as typed limit 8
    );
    v_meant text[];
    v_count bigint;
begin
    for v_place in 1 .. cardinality(v_words) loop
        v_meant := array[v_words[v_place]];
        if v_place = cardinality(v_words) then
            select * into v_meant, v_count from product_suggest_begun(v_words[v_place]);
        else
            select max(terms.in_names) into v_count from terms where word = v_words[v_place];
        end if;
        if coalesce(v_count, 0) = 0 then
            select array_agg(like_it.word), sum(like_it.in_names) into v_meant, v_count
            from term_candidates(v_words[v_place], 3) as like_it
            where like_it.in_names > 0;
            v_meant := coalesce(v_meant, array[v_words[v_place] || ':*']);
        end if;
        is_whole := coalesce(is_whole && is_begun, is_begun);
        is_begun := array_to_string(v_meant, ' | ')::tsquery;
        rarest := least(rarest, coalesce(v_count, 0));
    end loop;
end;
$$;

create or replace function product_suggest_by_index(p_is_whole tsquery, p_is_begun tsquery)
returns table (id uuid, name text, slug text, vendor_id uuid)
language plpgsql stable rows 50
set enable_seqscan = off set enable_indexscan = off set work_mem = '64MB' as $$
begin
    if p_is_whole is null then
        return query
        select products.id, products.name, products.slug, products.vendor_id
        from products
        where products.status = 'PUBLISHED' and to_tsvector('simple', products.name) @@ p_is_begun
        limit 50;
        return;
    end if;
    return query
    select products.id, products.name, products.slug, products.vendor_id
    from products
    where products.status = 'PUBLISHED'
        and to_tsvector('simple', products.name) @@ p_is_whole
        and to_tsvector('simple', products.name) @@ p_is_begun
    limit 50;
end;
$$;

create or replace function product_suggest_newest(p_query tsquery)
returns table (id uuid, name text, slug text, vendor_id uuid)
language plpgsql stable rows 20
set enable_seqscan = off as $$
begin
    return query
    select newest.id, newest.name, newest.slug, newest.vendor_id
    from (
        select products.id, products.name, products.slug, products.vendor_id
        from products
        where products.status = 'PUBLISHED'
        order by products.created_at desc, products.id desc
        limit 500
    ) as newest
    where to_tsvector('simple', newest.name) @@ p_query
    limit 20;
end;
$$;

-- The names that begin so: text order, so that an index has them.
create or replace function product_suggest_prefix(p_typed text)
returns table (id uuid, name text, slug text, vendor_id uuid)
language sql stable rows 50 as $$
    select id, name, slug, vendor_id
    from products
    where status = 'PUBLISHED'
        and lower(name) ~>=~ p_typed and lower(name) ~<~ (p_typed || chr(1114111))
    order by lower(name) using ~<~
    limit 50
$$;

-- The names that have the words.
create or replace function product_suggest_worded(p_typed text)
returns table (id uuid, name text, slug text, vendor_id uuid)
language plpgsql stable rows 50 as $$
declare
    INDEX_MAX constant integer := 20000;
    v_must record;
begin
    select * into v_must from product_suggest_queries(p_typed);
    if v_must.rarest > INDEX_MAX then
        return query
        select *
        from product_suggest_newest(coalesce(v_must.is_whole && v_must.is_begun, v_must.is_begun));
        if found then
            return;
        end if;
    end if;
    return query select * from product_suggest_by_index(v_must.is_whole, v_must.is_begun);
end;
$$;

create or replace function product_suggest(p_typed text, p_limit integer)
returns table ("text" text, slug text, "productId" uuid)
language plpgsql stable rows 10
set enable_seqscan = off as $$
declare
    v_prefix constant uuid[] := array(
        select distinct on (lower(begun.name)) begun.id
        from product_suggest_prefix(p_typed) as begun
        inner join vendors on vendors.id = begun.vendor_id
        where vendors.status = 'ACTIVE'
        order by lower(begun.name), begun.id
        limit p_limit
    );
begin
    if cardinality(v_prefix) = p_limit then
        return query
        select products.name, products.slug, products.id
        from unnest(v_prefix) as begun (id)
        inner join products on products.id = begun.id
        order by word_similarity(p_typed, lower(products.name)) desc, products.name, products.id;
        return;
    end if;
    return query
    select named.name, named.slug, named.id
    from (
        select distinct on (lower(found.name))
            found.name, found.slug, found.id, found.is_prefix,
            word_similarity(p_typed, lower(found.name)) as similarity
        from (
            select products.id, products.name, products.slug, products.vendor_id, true
            from unnest(v_prefix) as begun (id)
            inner join products on products.id = begun.id
            union all
            select worded.id, worded.name, worded.slug, worded.vendor_id, false
            from product_suggest_worded(p_typed) as worded
        ) as found (id, name, slug, vendor_id, is_prefix)
        inner join vendors on vendors.id = found.vendor_id
        where vendors.status = 'ACTIVE'
        order by lower(found.name), found.is_prefix desc, found.id
    ) as named
    order by named.is_prefix desc, named.similarity desc, named.name, named.id
    limit p_limit;
end;
$$;
