/* A tree of segments. A path is split before it is decoded, so that an encoded slash never makes a
 * segment. */
#include "http/router.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"

#define SEGMENTS_MAX 24
#define NO_ROUTE     (-1)

struct target {
    int route;
    int name_count;
    char *names[ROUTER_PARAMS_MAX];
};

struct node {
    struct str text;        /* of a literal, its own; at NULL: the root or a parameter */
    struct node *literals;  /* children */
    struct node *parameter; /* the one that takes anything */
    struct node *next;      /* sibling */
    struct target targets[HTTP_METHOD_COUNT];
};

struct http_router {
    struct node *root;
};

static struct node *node_new(struct str text)
{
    struct node *node = calloc(1, sizeof *node);

    if (!node)
        abort();
    for (int method = 0; method < HTTP_METHOD_COUNT; method++)
        node->targets[method].route = NO_ROUTE;
    if (text.at && !(node->text.at = strndup(text.at, text.len)))
        abort();
    node->text.len = text.len;
    return node;
}

static void node_free(struct node *node)
{
    while (node) {
        struct node *next = node->next;
        node_free(node->literals);
        node_free(node->parameter);
        for (int method = 0; method < HTTP_METHOD_COUNT; method++) {
            for (int i = 0; i < node->targets[method].name_count; i++)
                free(node->targets[method].names[i]);
        }
        free((char *)node->text.at);
        free(node);
        node = next;
    }
}

struct http_router *http_router_new(void)
{
    struct http_router *router = calloc(1, sizeof *router);

    if (!router)
        abort();
    router->root = node_new((struct str){0});
    return router;
}

void http_router_free(struct http_router *router)
{
    if (!router)
        return;
    node_free(router->root);
    free(router);
}

static struct node *literal_find(struct node *first, struct str text)
{
    for (; first; first = first->next) {
        if (str_eq(first->text, text))
            return first;
    }
    return NULL;
}

/* Splits "/a/b" into "a", "b". -1: not of that form, an empty segment, or too many. "/" alone has
 * none. */
static int split(struct str path, struct str out[SEGMENTS_MAX])
{
    const char *at = path.at, *end = path.at + path.len;
    int count = 0;

    if (path.len == 0 || *at != '/')
        return -1;
    if (path.len == 1)
        return 0;
    while (at < end) {
        const char *start = at + 1;
        const char *stop = memchr(start, '/', (size_t)(end - start));
        if (!stop)
            stop = end;
        if (stop == start || count == SEGMENTS_MAX)
            return -1;
        out[count++] = (struct str){start, (size_t)(stop - start)};
        at = stop;
    }
    return count;
}

static bool name_is_sound(struct str name)
{
    if (name.len == 0)
        return false;
    for (size_t i = 0; i < name.len; i++) {
        if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_", name.at[i]))
            return false;
    }
    return true;
}

static struct node *literal_child(struct node *node, struct str text)
{
    struct node *child = literal_find(node->literals, text);

    if (child)
        return child;
    child = node_new(text);
    child->next = node->literals;
    node->literals = child;
    return child;
}

/* The node of a template, made where missing; NULL: malformed. names: those of its parameters,
 * slices of the template. */
static struct node *
template_node(struct node *node, struct str template, struct str names[], int *name_count)
{
    struct str segments[SEGMENTS_MAX];
    int count = split(template, segments);

    if (count < 0)
        return NULL;
    for (int i = 0; i < count; i++) {
        struct str segment = segments[i];
        if (segment.at[0] != '{') {
            if (memchr(segment.at, '{', segment.len) || memchr(segment.at, '}', segment.len))
                return NULL;
            node = literal_child(node, segment);
            continue;
        }
        struct str name = {segment.at + 1, segment.len - 2};
        if (segment.len < 3 || segment.at[segment.len - 1] != '}' || !name_is_sound(name) ||
            *name_count == ROUTER_PARAMS_MAX)
            return NULL;
        names[(*name_count)++] = name;
        if (!node->parameter)
            node->parameter = node_new((struct str){0});
        node = node->parameter;
    }
    return node;
}

bool http_router_add(struct http_router *router,
                     enum http_method method,
                     const char *path_template,
                     int route,
                     char *message,
                     size_t message_size)
{
    struct str names[ROUTER_PARAMS_MAX];
    int name_count = 0;
    struct node *node = template_node(router->root, str_from(path_template), names, &name_count);

    if (!node) {
        snprintf(message, message_size,
                 "%s: a template is /literal/{parameter}/…, at most %d parameters", path_template,
                 ROUTER_PARAMS_MAX);
        return false;
    }
    struct target *target = &node->targets[method];
    if (target->route != NO_ROUTE) {
        snprintf(message, message_size, "%s %s is routed twice", http_method_name(method),
                 path_template);
        return false;
    }
    target->route = route;
    target->name_count = name_count;
    for (int i = 0; i < name_count; i++) {
        target->names[i] = strndup(names[i].at, names[i].len);
        if (!target->names[i])
            abort();
    }
    return true;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* False: it is malformed, or decodes to what would be two segments, or none. */
static bool decode(struct str *segment, struct arena *arena)
{
    struct str raw = *segment;
    char *text = arena_alloc(arena, raw.len + 1);
    size_t len = 0;

    for (size_t i = 0; i < raw.len; i++) {
        if (raw.at[i] != '%') {
            text[len++] = raw.at[i];
            continue;
        }
        int high = i + 2 < raw.len ? hex_value(raw.at[i + 1]) : -1;
        int low = i + 2 < raw.len ? hex_value(raw.at[i + 2]) : -1;
        if (high < 0 || low < 0)
            return false;
        text[len++] = (char)(high * 16 + low);
        i += 2;
    }
    *segment = (struct str){text, len};
    return !memchr(text, '/', len) && !memchr(text, '\0', len);
}

static bool is_directory(struct str segment)
{
    return segment.at[0] == '.' && (segment.len == 1 || (segment.len == 2 && segment.at[1] == '.'));
}

/* The decoded segments, or -1: no template has a path of this form. */
static int read_path(struct str path, struct arena *arena, struct str out[SEGMENTS_MAX])
{
    bool is_encoded = path.len && memchr(path.at, '%', path.len);
    int count = split(path, out);

    for (int i = 0; i < count; i++) {
        if ((is_encoded && !decode(&out[i], arena)) || is_directory(out[i]))
            return -1;
    }
    return count;
}

struct search {
    enum http_method method;
    const struct str *segments;
    int count;
    unsigned allowed; /* bit a method, of every node the path reaches */
    struct str values[ROUTER_PARAMS_MAX];
    const struct target *found;
};

static bool arrive(struct search *search, const struct node *node)
{
    if (node->targets[search->method].route != NO_ROUTE)
        search->found = &node->targets[search->method];
    else if (search->method == HTTP_HEAD && node->targets[HTTP_GET].route != NO_ROUTE)
        search->found = &node->targets[HTTP_GET];
    if (search->found)
        return true;
    for (int method = 0; method < HTTP_METHOD_COUNT; method++) {
        if (node->targets[method].route != NO_ROUTE)
            search->allowed |= 1U << method;
    }
    if (node->targets[HTTP_GET].route != NO_ROUTE)
        search->allowed |= 1U << HTTP_HEAD;
    return false;
}

/* Literals first; when those lead nowhere, the parameter. As deep as a template has segments. */
static bool descend(struct search *search, const struct node *node, int depth, int params)
{
    if (depth == search->count)
        return arrive(search, node);
    const struct node *literal = literal_find(node->literals, search->segments[depth]);
    if (literal && descend(search, literal, depth + 1, params))
        return true;
    if (!node->parameter || params == ROUTER_PARAMS_MAX)
        return false;
    search->values[params] = search->segments[depth];
    return descend(search, node->parameter, depth + 1, params + 1);
}

static void write_allow(unsigned allowed, char out[64])
{
    size_t len = 0;

    out[0] = '\0';
    for (int method = 0; method < HTTP_METHOD_COUNT; method++) {
        if (allowed & (1U << method))
            len += (size_t)snprintf(out + len, 64 - len, "%s%s", len ? ", " : "",
                                    http_method_name((enum http_method)method));
    }
}

void http_router_match(const struct http_router *router,
                       enum http_method method,
                       struct str path,
                       struct arena *arena,
                       struct http_match *out)
{
    struct str segments[SEGMENTS_MAX];
    struct search search = {.method = method, .segments = segments};

    out->route = NO_ROUTE;
    out->is_path_known = false;
    out->param_count = 0;
    out->allow[0] = '\0';
    search.count = read_path(path, arena, segments);
    if (search.count < 0)
        return;
    if (!descend(&search, router->root, 0, 0)) {
        out->is_path_known = search.allowed != 0;
        write_allow(search.allowed, out->allow);
        return;
    }
    out->route = search.found->route;
    out->param_count = search.found->name_count;
    for (int i = 0; i < out->param_count; i++) {
        out->names[i] = str_from(search.found->names[i]);
        out->values[i] = search.values[i];
    }
}
