/* `souk demo`: fills the database with made-up vendors and products, by COPY. */
#ifndef SOUK_APP_DEMO_H
#define SOUK_APP_DEMO_H

struct conf;

/* Arguments: --vendors N --products M [--seed S]. Returns the exit code. */
int demo_main(const struct conf *conf, int argc, char **argv);

#endif
