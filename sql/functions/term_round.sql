-- Counting the words of what is on sale, in turns that are bounded whatever there is to count: a
-- round reads all products by id, p_rows a turn, into term_counts; then the counts are added up and
-- put into terms, in as many turns as the reading took, but no more than p_buckets. A round begins
-- when products have changed since the last one began, and rests ten seconds for each turn it took.

-- How often rows of products have changed, as statistics tell: a second late, from 0 after a crash.
create or replace function term_changes() returns bigint language sql stable as $$
    select n_tup_ins + n_tup_upd + n_tup_del
    from pg_stat_user_tables
    where relid = 'products'::regclass
$$;

-- Words of p_rows products behind p_after: the id of the last one, null when there are none.
create or replace function term_count(p_after uuid, p_rows integer) returns uuid
language plpgsql as $$
declare
    v_last uuid;
begin
    with page as materialized (
        select id, name, description, status
        from products
        where p_after is null or id > p_after
        order by id
        limit p_rows
    ),
    counted as (
        insert into term_counts (word, in_names, in_products)
        select words.lexeme, count(*) filter (where words.weights[1] = 'A'), count(*)
        from page
        cross join lateral unnest(
            setweight(to_tsvector('simple', page.name), 'A')
            || to_tsvector('simple', page.description)
        ) as words
        where page.status = 'PUBLISHED'
            and words.lexeme ~ '^[[:alpha:]]+$' and length(words.lexeme) between 3 and 30
        group by words.lexeme
    )
    select id into v_last from page order by id desc limit 1;
    return v_last;
end;
$$;

-- Puts the counts of one bucket of words into terms. Rows change only when their count has by a
-- tenth: it is used to compare and to choose.
create or replace function term_merge(p_bucket integer, p_buckets integer) returns void
language plpgsql as $$
begin
    with counted as materialized (
        select word, sum(in_names)::integer as in_names, sum(in_products)::integer as in_products
        from term_counts
        where (hashtext(word) & 2147483647) % p_buckets = p_bucket
        group by word
    ),
    gone as (
        delete from terms
        where (hashtext(word) & 2147483647) % p_buckets = p_bucket
            and word not in (select word from counted)
    )
    insert into terms (word, stem, in_names, in_products)
    select counted.word, stems.stem[1], counted.in_names, counted.in_products
    from counted
    cross join lateral (select ts_lexize('english_stem', counted.word) as stem) as stems
    where stems.stem[1] is not null
    on conflict (word) do update
    set in_names = excluded.in_names, in_products = excluded.in_products
    where abs(terms.in_products - excluded.in_products) > terms.in_products / 10
        or abs(terms.in_names - excluded.in_names) > terms.in_names / 10;
end;
$$;

-- One turn. Whether anything was done.
create or replace function term_round(p_rows integer, p_buckets integer) returns boolean
language plpgsql as $$
declare
    v_round term_rounds;
    v_last uuid;
    v_buckets integer;
begin
    if not pg_try_advisory_xact_lock(hashtext('term_round')) then
        return false;
    end if;
    select * into v_round from term_rounds;
    if v_round.changes = term_changes() and v_round.ended_at is not null
        or v_round.ended_at > now() - make_interval(secs => 10) * v_round.turns then
        return false;
    end if;
    if v_round.is_one is null or v_round.ended_at is not null then
        truncate term_counts;
        insert into term_rounds (changes) values (term_changes())
        on conflict (is_one) do update
        set after_id = null, bucket = null, turns = 0, changes = excluded.changes, ended_at = null
        returning * into v_round;
    end if;
    if v_round.bucket is null then
        v_last := term_count(v_round.after_id, p_rows);
        update term_rounds set after_id = coalesce(v_last, after_id),
            turns = turns + (v_last is not null)::integer,
            bucket = case when v_last is null then 0 end;
    else
        v_buckets := greatest(least(v_round.turns, p_buckets), 1);
        perform term_merge(v_round.bucket, v_buckets);
        update term_rounds set bucket = bucket + 1,
            ended_at = case when bucket + 1 = v_buckets then now() end;
    end if;
    return true;
end;
$$;

-- All at once, for catalogues that were loaded in bulk.
create or replace procedure term_fill() language plpgsql as $$
begin
    delete from term_rounds;
    while not exists (select from term_rounds where ended_at is not null) loop
        perform term_round(20000, 8);
        commit;
    end loop;
end;
$$;
