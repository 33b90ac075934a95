/* Crash points: labelled instants (crash.def) at which specs make a process die, to show that what
 * is promised holds whatever was going on. Where env is not test nobody asks. */
#ifndef SOUK_BASE_CRASH_H
#define SOUK_BASE_CRASH_H

#include <stdbool.h>

enum crash_scope { CRASH_NONE, CRASH_WORKER, CRASH_SERVER };

bool crash_is_known(const char *label);
/* Whether <home>/crash.at asks for a death here, and whose. The file is "label[ skip[ worker|
 * server]]", usually 0 and server; it is counted down while it skips, and gone once it has asked.
 * Processes that ask at once are counted one by one. */
enum crash_scope crash_at(const char *home, const char *label);

#endif
