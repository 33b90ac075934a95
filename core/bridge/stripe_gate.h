/* Parts of core.stripe that reach the gate (stripe/gate.h), or are its pure parts for specs. */
#ifndef SOUK_BRIDGE_STRIPE_GATE_H
#define SOUK_BRIDGE_STRIPE_GATE_H

struct lua_State;

int l_stripe_send(struct lua_State *L);
int l_stripe_away_s(struct lua_State *L);
int l_stripe_breaker(struct lua_State *L);
int l_stripe_bucket(struct lua_State *L);

#endif
