release savepoint plugin_hook;
