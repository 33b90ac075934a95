-- What follows is our own again: not set_config, which plugins may not call.
set local role none;
