-- $1 name. Until the end of the transaction nobody else counts its failures.
select name from plugins where name = $1 for no key update;
