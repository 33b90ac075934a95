/* Stripe's bracket form (a[b][c]=v, a[0]=v) made of Lua tables and read into them. */
#ifndef SOUK_BRIDGE_STRIPE_FORM_H
#define SOUK_BRIDGE_STRIPE_FORM_H

struct lua_State;

/* form(table) -> text. The same table gives the same text: members sorted by name, but a list of
 * {key, value} pairs keeps its order. false and true are words, json.null is the empty text
 * (Stripe's "unset"), a list counts from [0], an empty table adds nothing. Fractions raise: amounts
 * are whole. */
int l_stripe_form(struct lua_State *L);
/* form_decode(text) -> table | nil, message. a[0], a[1] and a[] make lists as long as the numbers
 * count on from 0; other numbers are names. Values are strings. At most 8 levels, 1000 pairs. */
int l_stripe_form_decode(struct lua_State *L);

#endif
