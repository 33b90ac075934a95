-- The words of what is on sale: completing what is typed and correcting it reads these, never the
-- products. Filled by term_round(), a few thousand products at a time.
create extension if not exists fuzzystrmatch;

-- A word and all that is left of it without one of its letters. Two words are one typing error
-- apart (a letter lost, added, changed, two swapped) only when these meet.
create function term_keys(p_word text) returns text[]
language sql immutable strict parallel safe as $$
    select array_agg(distinct left(p_word, place - 1) || substr(p_word, place + 1))
    from generate_series(1, length(p_word) + 1) as place
$$;

create table terms (
    word text not null,
    stem text not null,
    in_names integer not null,
    in_products integer not null,
    constraint terms_pkey primary key (word),
    constraint terms_counts_possible check (in_names between 0 and in_products)
);
create index terms_keys_idx on terms using gin (term_keys(word)) with (fastupdate = off);
create index terms_word_trgm_idx on terms using gin (word gin_trgm_ops) with (fastupdate = off);
create index terms_stem_idx on terms (stem);
create index terms_word_prefix_idx on terms (word text_pattern_ops) include (in_names);
-- What begins with one or two letters is too much to be sorted while somebody types.
create index terms_first_letter_idx on terms (left(word, 1), in_names desc);
create index terms_first_letters_idx on terms (left(word, 2), in_names desc);

-- A count under way: how far it is, and what it has found so far. A crash empties both, which only
-- begins it again.
create unlogged table term_rounds (
    is_one boolean not null default true,
    after_id uuid,
    bucket integer,
    turns integer not null default 0,
    changes bigint not null,
    ended_at timestamptz,
    constraint term_rounds_pkey primary key (is_one),
    constraint term_rounds_only_one check (is_one)
);
create unlogged table term_counts (
    word text not null,
    in_names integer not null,
    in_products integer not null
);

-- Completing names: those that begin so, and those that have these words. In place of trigrams,
-- which took longer the more products there were.
create index products_published_name_words_idx on products
using gin (to_tsvector('simple', name)) with (fastupdate = off) where status = 'PUBLISHED';
create index products_published_name_prefix_idx on products (lower(name) text_pattern_ops)
where status = 'PUBLISHED';
drop index products_published_name_trgm_idx;

-- Products of the nearest vendors are read vendor by vendor, in the order of the list.
create index products_published_vendor_id_id_idx on products (vendor_id, id)
where status = 'PUBLISHED';
-- Whose products are not shown: counts of many products look at these few.
create index vendors_not_active_idx on vendors (id) where status <> 'ACTIVE';
