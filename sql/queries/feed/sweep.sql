-- $1 transactions before it had ended when all nodes still read what is told.
delete from feed_changes where xid < $1::xid8;
