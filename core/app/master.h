/* The master: forks workers, replaces those that die or hang, and leads the change of generations.
 * It runs no Lua, opens no socket and touches no library, so that what it forks is clean. */
#ifndef SOUK_APP_MASTER_H
#define SOUK_APP_MASTER_H

struct conf;

/* Serves until SIGTERM or SIGINT. Returns the exit code. */
int master_run(struct conf *conf);

#endif
