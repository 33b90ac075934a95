savepoint plugin_hook;
