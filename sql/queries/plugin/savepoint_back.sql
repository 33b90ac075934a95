rollback to savepoint plugin_hook;
