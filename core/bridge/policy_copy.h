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
    struct lua_State *from;
    int index; /* of the input there */
    struct {
        const char *at; /* a key of the input, whose value was not asked for yet */
        size_t len;
    } keys[POLICY_LATE_MAX];
    int count;
    int given;   /* how many there were */
    int members; /* asked for by the last: the next asks for as many, most likely */
    size_t room; /* bytes that may still be copied */
};

/* Inside a protected call, once a state and when its globals are those that policies see. */
void policy_late_open(struct policy_late *late, struct lua_State *to);
/* Pushes the table at index of `from` onto the empty stack of `to`. False: it is no plain data. */
bool policy_late_give(struct policy_late *late,
                      struct lua_State *from,
                      int index,
                      struct lua_State *to);
/* Pushes the value on top of `to` onto the stack of `back`, or nil and false: it is no plain data.
 * The input lies at index 1. */
bool policy_late_take(struct policy_late *late, struct lua_State *to, struct lua_State *back);
/* What was not asked for by now is gone. The input lies at index 1. */
void policy_late_end(struct policy_late *late, struct lua_State *to);

#endif
