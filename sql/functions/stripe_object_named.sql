-- The object of Stripe's that somebody's words name first, or null.
create or replace function stripe_object_named(p_text text) returns text
language sql immutable as $$
    select substring(p_text from '\m((?:ch|py|re|pyr|tr|trr|dp|du|po|txn)_[A-Za-z0-9]+)');
$$;
