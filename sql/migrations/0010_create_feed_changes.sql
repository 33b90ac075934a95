-- What was changed that servers remember: one narrow row a thing, written by triggers of the
-- transaction that changes it, so that SQL by hand is told of like a route. Every node reads what
-- its last look could not see (core/db/feed.c), whatever order transactions commit in.
-- No notify: it makes all commits of the database queue, and its absence proves nothing, while a
-- look every 25 ms that finds nothing is proof.
create table feed_changes (
    xid xid8 not null default pg_current_xact_id(),
    seq bigint not null generated always as identity,
    kind text not null,
    id uuid,
    constraint feed_changes_pkey primary key (xid, seq),
    constraint feed_changes_kind_form check (kind ~ '^[a-z_]+$')
);
comment on column feed_changes.id is 'null: all of that kind';
