/* What of the settings can be found wrong before anything is started. */
#ifndef SOUK_APP_SETTINGS_H
#define SOUK_APP_SETTINGS_H

#include <stdbool.h>

struct conf;

/* False: printed which setting, why, and what to do. */
bool settings_are_sound(const struct conf *conf);

#endif
