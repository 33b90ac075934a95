/* What a policy is given, and what it gives: plain data that crosses between two Lua states. Most
 * policies read a few numbers of their input, so its members are copied when they are asked for;
 * nothing that a policy can reach tells the difference. */
#ifndef SOUK_BRIDGE_POLICY_COPY_H
#define SOUK_BRIDGE_POLICY_COPY_H

#include <stdbool.h>
#include <stddef.h>

struct lua_State;

#define POLICY_LATE_MAX 16

/* The input of the evaluation that runs. All zero: none does. */
struct policy_late {
    struct lua_State *from;             /* NULL: none runs */
    int index;                          /* of the input there */
    const char *asked[POLICY_LATE_MAX]; /* keys of the input, in its own state */
    int count; /* of them; before an evaluation: of the last one's, for the next asks for as many */
    bool is_whole; /* nothing is left to be asked for */
    bool is_read;  /* what the evaluation does may depend on its input */
    size_t room;   /* bytes that may still be copied */
};

/* Inside a protected call, once a state and when its globals are those that policies see. */
void policy_late_open(struct policy_late *late, struct lua_State *to);
/* Pushes the input at index of `from`, a table, onto the empty stack of `to`. */
void policy_late_give(struct policy_late *late,
                      struct lua_State *from,
                      int index,
                      struct lua_State *to);
/* Pushes the value on top of `to` onto the stack of `back`, or nil and false: it is no plain data.
 * The input lies at index 1. */
bool policy_late_take(struct policy_late *late, struct lua_State *to, struct lua_State *back);
/* What was not asked for by now is gone. The input lies at index 1. */
void policy_late_end(struct policy_late *late, struct lua_State *to);

#endif
