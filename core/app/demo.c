/* `souk demo`: a marketplace of any size, the same for the same seed. Every vendor and product is a
 * pure function of (seed, number), so each table is one COPY and nothing is kept between them but
 * the vendors. The one difficulty: names must be unique within a vendor without looking, so a
 * vendor walks through all combinations of words in a scattered order. */
#include "app/demo.h"

#include "app/demo_draw.h"
#include "app/demo_words.h"
#include "base/clock.h"
#include "base/conf.h"
#include "db/copy.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define VENDORS_MAX    1000000
#define PRODUCTS_MAX   20000000
#define SEED_MAX       999999999
#define TRADES_MAX     3 /* categories a vendor sells in */
#define PERCENT_TIED   5 /* vendors in the very middle of their city: one market hall */
#define PERCENT_EMPTY  3 /* products out of stock */
#define PROGRESS_EVERY 5000
#define NAME_SIZE      128
#define TEXT_SIZE      512
/* 2025 for vendors, 2026 up to November for products: fixed, for the same seed gives the same rows.
 */
#define VENDORS_FROM_S  1735689600LL
#define PRODUCTS_FROM_S 1767571200LL
#define SPAN_S          27000000LL
/* Coprime to the number of combinations of any word lists whose lengths it does not divide. */
#define SCATTER 1009
/* bcrypt of souk-demo-2026, as in sql/seeds/demo.sql. */
#define PASSWORD_HASH "$2b$10$2eQRreyYoMx03SpzchatgOpCVOGjHAxqbt.Y.S.PwuOn2oiRGw9GO"

struct vendor {
    char id[37];
    uint8_t trade_count;
    uint8_t trades[TRADES_MAX]; /* of demo_categories, most of the shelf first */
    uint32_t made[TRADES_MAX];  /* names used up */
};

struct product {
    char id[37];
    uint32_t vendor;
    uint8_t trade; /* which of its vendor's */
    int stock;
    int64_t created_s;
    struct demo_draw draw; /* for what is still to be drawn */
};

struct demo {
    struct db_copy *copy;
    const char *currency;
    uint64_t seed;
    bool has_seed;
    bool are_indexes_off; /* of products, until its rows are in */
    long vendor_count;
    long product_count;
    struct vendor *vendors;
    int category_count;
    double category_weight; /* sum over all, by rank */
    long city_weight;
    int quality_count, material_count;
    char category_ids[64][37];
};

/* ---- drawing ---- */

static struct demo_draw draw_for(const struct demo *demo, uint64_t kind, uint64_t number)
{
    return demo_draw_of(demo->seed, kind, number);
}

/* The rank-th category is asked for 1/rank as often as the first. */
static uint8_t draw_category(const struct demo *demo, struct demo_draw *draw)
{
    double at = demo_unit(draw) * demo->category_weight;
    int rank = 0;

    while (rank + 1 < demo->category_count && at >= 1.0 / (rank + 1))
        at -= 1.0 / ++rank;
    return (uint8_t)rank;
}

static const struct demo_city *draw_city(const struct demo *demo, struct demo_draw *draw)
{
    long at = (long)demo_below(draw, (uint64_t)demo->city_weight);
    const struct demo_city *city = demo_cities;

    for (; at >= city->weight; city++)
        at -= city->weight;
    return city;
}

/* ---- text ---- */

/* "Old Mill Leather & Canvas" and a number: old-mill-leather-canvas-1-27. */
static void make_slug(const struct demo *demo, const char *name, long number, char out[NAME_SIZE])
{
    size_t len = 0;

    for (; *name && len < NAME_SIZE - 40; name++) {
        char c = *name >= 'A' && *name <= 'Z' ? (char)(*name + 32) : *name;
        if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))
            out[len++] = c;
        else if (len > 0 && out[len - 1] != '-')
            out[len++] = '-';
    }
    while (len > 0 && out[len - 1] == '-')
        len--;
    snprintf(out + len, NAME_SIZE - len, "-%llu-%ld", (unsigned long long)demo->seed, number + 1);
}

static void make_email(const struct demo *demo, long number, char out[NAME_SIZE])
{
    snprintf(out, NAME_SIZE, "demo-%llu-%ld@demo.souk.example", (unsigned long long)demo->seed,
             number + 1);
}

static void show_progress(const char *what, long done, long all)
{
    if (isatty(STDERR_FILENO) && (done % PROGRESS_EVERY == 0 || done == all))
        fprintf(stderr, "\r%-12s %ld of %ld%s", what, done, all, done == all ? "\n" : "");
}

/* ---- vendors ---- */

static int64_t joined_s(const struct demo *demo, long number)
{
    return VENDORS_FROM_S + number * SPAN_S / demo->vendor_count;
}

static void make_vendors(struct demo *demo)
{
    demo->vendors = calloc((size_t)demo->vendor_count, sizeof(*demo->vendors));
    if (!demo->vendors)
        abort();
    for (long i = 0; i < demo->vendor_count; i++) {
        struct vendor *vendor = &demo->vendors[i];
        struct demo_draw draw = draw_for(demo, 'v', (uint64_t)i);
        int wanted = 1 + (int)demo_below(&draw, TRADES_MAX);
        demo_make_id(&draw, joined_s(demo, i), vendor->id);
        for (int trade = 0; trade < wanted; trade++) {
            uint8_t category = draw_category(demo, &draw);
            if (!memchr(vendor->trades, category, vendor->trade_count))
                vendor->trades[vendor->trade_count++] = category;
        }
    }
}

static void make_user_id(const struct demo *demo, long number, char out[37])
{
    struct demo_draw draw = draw_for(demo, 'u', (uint64_t)number);

    demo_make_id(&draw, joined_s(demo, number), out);
}

static void copy_users(const struct demo *demo)
{
    static const char *const first[] = {"Amara", "Ben",  "Chiara", "Dmitri", "Elif",  "Farid",
                                        "Greta", "Hana", "Ines",   "Jamal",  "Kaito", "Leila",
                                        "Mateo", "Nora", "Omar",   "Priya",  NULL};
    static const char *const last[] = {
        "Adeyemi", "Brandt", "Costa", "Diaz",   "Eriksen", "Fischer", "Gupta",  "Haddad", "Ito",
        "Jensen",  "Kim",    "Lopez", "Mensah", "Novak",   "Okafor",  "Petrov", NULL};
    const char *given;
    char id[37], text[NAME_SIZE], joined[DEMO_TIME_SIZE];

    db_copy_start(demo->copy,
                  "users (id, email, password_hash, name, role, created_at, updated_at)");
    for (long i = 0; i < demo->vendor_count; i++) {
        struct demo_draw draw = draw_for(demo, 'n', (uint64_t)i);
        make_user_id(demo, i, id);
        demo_make_time(joined_s(demo, i), joined);
        db_copy_text(demo->copy, id);
        make_email(demo, i, text);
        db_copy_text(demo->copy, text);
        db_copy_text(demo->copy, PASSWORD_HASH);
        given = demo_one_of(&draw, first);
        snprintf(text, sizeof(text), "%s %s", given, demo_one_of(&draw, last));
        db_copy_text(demo->copy, text);
        db_copy_text(demo->copy, "VENDOR");
        db_copy_text(demo->copy, joined);
        db_copy_text(demo->copy, joined);
        db_copy_row_end(demo->copy);
    }
    db_copy_end(demo->copy);
}

/* Round its city, the larger the wider; a degree of longitude is shorter away from the equator. */
static void
copy_place(const struct demo *demo, const struct demo_city *city, struct demo_draw *draw)
{
    double spread_deg = 0.01 + 0.004 * sqrt(city->weight);
    double north_deg = demo_bell(draw) * spread_deg;
    double east_deg = demo_bell(draw) * spread_deg / cos(city->lat_deg * 0.017453292519943295);

    if (demo_below(draw, 100) < PERCENT_TIED)
        north_deg = east_deg = 0;
    db_copy_real(demo->copy, round((city->lat_deg + north_deg) * 1e6) / 1e6);
    db_copy_real(demo->copy, round((city->lon_deg + east_deg) * 1e6) / 1e6);
}

static void copy_vendor(const struct demo *demo, long number)
{
    const struct demo_category *trade = &demo_categories[demo->vendors[number].trades[0]];
    struct demo_draw draw = draw_for(demo, 'p', (uint64_t)number);
    const struct demo_city *city = draw_city(demo, &draw);
    char user_id[37], name[NAME_SIZE], text[2 * NAME_SIZE], slug[NAME_SIZE], joined[DEMO_TIME_SIZE];

    make_user_id(demo, number, user_id);
    demo_make_time(joined_s(demo, number), joined);
    snprintf(name, sizeof(name), "%s %s", demo_one_of(&draw, demo_shop_words), trade->trade);
    make_slug(demo, name, number, slug);
    snprintf(text, sizeof(text), "%s and more from %s.", trade->name, city->name);
    db_copy_text(demo->copy, demo->vendors[number].id);
    db_copy_text(demo->copy, user_id);
    db_copy_text(demo->copy, name);
    db_copy_text(demo->copy, slug);
    db_copy_text(demo->copy, text);
    copy_place(demo, city, &draw);
    db_copy_text(demo->copy, "ACTIVE");
    db_copy_text(demo->copy, city->country);
    db_copy_text(demo->copy, joined);
    db_copy_text(demo->copy, joined);
    db_copy_row_end(demo->copy);
}

static void copy_vendors(const struct demo *demo)
{
    db_copy_start(demo->copy,
                  "vendors (id, user_id, business_name, slug, description, lat_deg, lon_deg, "
                  "status, country, created_at, updated_at)");
    for (long i = 0; i < demo->vendor_count && !db_copy_problem(demo->copy); i++) {
        copy_vendor(demo, i);
        show_progress("vendors", i + 1, demo->vendor_count);
    }
    db_copy_end(demo->copy);
}

/* ---- categories ---- */

/* A category that is there already (by its slug, which clients see) is used as it is. */
static void add_category(struct demo *demo, const char *root, const char *name, char out[37])
{
    char sql[1024];

    snprintf(sql, sizeof(sql),
             "with named as (select $$%s$$ as name, "
             "trim(both '-' from regexp_replace(lower(replace($$%s$$, '&', 'and')), '[^a-z0-9]+', "
             "'-', 'g')) as slug, nullif('%s', '')::uuid as parent_id), "
             "made as (insert into categories (name, slug, parent_id) "
             "select name, slug, parent_id from named on conflict do nothing returning id) "
             "select id from made "
             "union all select categories.id from categories inner join named using (slug)",
             name, name, root);
    db_copy_ask(demo->copy, sql, out, 37);
}

static void add_categories(struct demo *demo)
{
    char root_id[37];

    for (int i = 0; i < demo->category_count; i++) {
        add_category(demo, "", demo_categories[i].root, root_id);
        add_category(demo, root_id, demo_categories[i].name, demo->category_ids[i]);
    }
}

/* ---- products ---- */

/* Shops differ in size: a tenth of them has a quarter of the goods. */
static struct product product_at(const struct demo *demo, long number)
{
    struct product product = {.draw = draw_for(demo, 'g', (uint64_t)number)};
    const struct vendor *vendor;
    double size = pow(demo_unit(&product.draw), 1.7);

    product.created_s = PRODUCTS_FROM_S + number * SPAN_S / demo->product_count;
    demo_make_id(&product.draw, product.created_s, product.id);
    product.vendor = (uint32_t)(size * (double)demo->vendor_count);
    /* Scattered, or the first vendors to join would be the large ones. */
    product.vendor = (uint32_t)(product.vendor * 7919ull % (uint64_t)demo->vendor_count);
    vendor = &demo->vendors[product.vendor];
    product.trade = (uint8_t)(pow(demo_unit(&product.draw), 2.5) * vendor->trade_count);
    product.stock = demo_below(&product.draw, 100) < PERCENT_EMPTY
                        ? 0
                        : (int)(4 * exp(demo_unit(&product.draw) * 5));
    return product;
}

static void make_name(struct demo *demo, const struct product *product, char out[NAME_SIZE])
{
    struct vendor *vendor = &demo->vendors[product->vendor];
    const struct demo_category *category = &demo_categories[vendor->trades[product->trade]];
    uint32_t nth = vendor->made[product->trade]++;
    uint32_t combinations = (uint32_t)(DEMO_NOUNS * demo->quality_count * demo->material_count);
    uint32_t at = (uint32_t)((product->vendor + (uint64_t)nth * SCATTER) % combinations);
    int len = snprintf(out, NAME_SIZE, "%s %s %s",
                       demo_qualities[at / DEMO_NOUNS % (uint32_t)demo->quality_count],
                       demo_materials[at / DEMO_NOUNS / (uint32_t)demo->quality_count],
                       category->nouns[at % DEMO_NOUNS]);

    if (nth >= combinations)
        snprintf(out + len, NAME_SIZE - (size_t)len, " No. %u", nth / combinations + 1);
}

/* Cents: whole, or one below. */
static int64_t draw_price(struct demo_draw *draw, int middling)
{
    int64_t whole = (int64_t)round(middling * exp(demo_bell(draw) * 0.45) / 100);

    whole = whole < 2 ? 2 : whole;
    return whole * 100 - (demo_below(draw, 5) < 2 ? 1 : 0);
}

/* One draw a statement: C does not say which argument of a call comes first. */
static void make_description(struct demo_draw *draw, char out[TEXT_SIZE])
{
    const char *opening = demo_one_of(draw, demo_openings);
    const char *detail = demo_one_of(draw, demo_details);

    snprintf(out, TEXT_SIZE, "%s %s %s", opening, detail, demo_one_of(draw, demo_closings));
}

static void copy_product(struct demo *demo, long number)
{
    struct product product = product_at(demo, number);
    const struct vendor *vendor = &demo->vendors[product.vendor];
    char name[NAME_SIZE], slug[NAME_SIZE], text[TEXT_SIZE], created[DEMO_TIME_SIZE];
    char category_ids[40];

    make_name(demo, &product, name);
    make_slug(demo, name, number, slug);
    demo_make_time(product.created_s, created);
    make_description(&product.draw, text);
    db_copy_text(demo->copy, product.id);
    db_copy_text(demo->copy, vendor->id);
    db_copy_text(demo->copy, name);
    db_copy_text(demo->copy, slug);
    db_copy_text(demo->copy, text);
    db_copy_int(demo->copy, draw_price(&product.draw,
                                       demo_categories[vendor->trades[product.trade]].price_minor));
    db_copy_text(demo->copy, demo->currency);
    db_copy_text(demo->copy, "PUBLISHED");
    snprintf(category_ids, sizeof(category_ids), "{%s}",
             demo->category_ids[vendor->trades[product.trade]]);
    db_copy_text(demo->copy, category_ids);
    db_copy_text(demo->copy, created);
    db_copy_text(demo->copy, created);
    db_copy_row_end(demo->copy);
}

/* Products make their rows of product_stock themselves, one by one; these come in one stream. */
static void copy_stock(const struct demo *demo)
{
    db_copy_start(demo->copy, "product_stock (product_id, stock)");
    for (long i = 0; i < demo->product_count && !db_copy_problem(demo->copy); i++) {
        struct product product = product_at(demo, i);

        db_copy_text(demo->copy, product.id);
        db_copy_int(demo->copy, product.stock);
        db_copy_row_end(demo->copy);
        show_progress("stock", i + 1, demo->product_count);
    }
    db_copy_end(demo->copy);
    db_copy_run(demo->copy, "alter table products enable trigger products_make_stock");
}

static void copy_products(struct demo *demo)
{
    db_copy_run(demo->copy, "alter table products disable trigger products_make_stock");
    db_copy_start(demo->copy,
                  "products (id, vendor_id, name, slug, description, price_minor, currency, "
                  "status, category_ids, created_at, updated_at)");
    for (long i = 0; i < demo->product_count && !db_copy_problem(demo->copy); i++) {
        copy_product(demo, i);
        show_progress("products", i + 1, demo->product_count);
    }
    db_copy_end(demo->copy);
}

/* Full text and trigram indexes are built ten times faster than they are grown. The rule that they
 * can be rebuilt by: what they are now, whatever migrations have made of them. */
static void take_indexes_off(struct demo *demo)
{
    char known[32];

    db_copy_ask(demo->copy, "select count(*) from products", known, sizeof(known));
    demo->are_indexes_off = atol(known) < demo->product_count;
    if (!demo->are_indexes_off)
        return;
    db_copy_run(
        demo->copy,
        "create temporary table demo_indexes on commit drop as "
        "select indexrelid::regclass::text as name, pg_get_indexdef(indexrelid) as definition "
        "from pg_index where indrelid = 'products'::regclass and not indisunique");
    db_copy_run(demo->copy, "do $$ declare v_name text; begin "
                            "for v_name in select name from demo_indexes loop "
                            "execute 'drop index ' || v_name; end loop; end $$");
}

static void put_indexes_back(struct demo *demo)
{
    if (!demo->are_indexes_off)
        return;
    db_copy_run(demo->copy, "set local maintenance_work_mem = '256MB'");
    db_copy_run(demo->copy, "do $$ declare v_definition text; begin "
                            "for v_definition in select definition from demo_indexes loop "
                            "execute v_definition; end loop; end $$");
}

static void copy_product_categories(const struct demo *demo)
{
    db_copy_start(demo->copy, "product_categories (product_id, category_id)");
    for (long i = 0; i < demo->product_count && !db_copy_problem(demo->copy); i++) {
        struct product product = product_at(demo, i);
        db_copy_text(demo->copy, product.id);
        db_copy_text(demo->copy,
                     demo->category_ids[demo->vendors[product.vendor].trades[product.trade]]);
        db_copy_row_end(demo->copy);
        show_progress("categories", i + 1, demo->product_count);
    }
    db_copy_end(demo->copy);
}

static void copy_movements(const struct demo *demo)
{
    char id[37], created[DEMO_TIME_SIZE];

    db_copy_start(demo->copy,
                  "inventory_movements (id, product_id, kind, delta, stock_after, created_at)");
    for (long i = 0; i < demo->product_count && !db_copy_problem(demo->copy); i++) {
        struct product product = product_at(demo, i);
        struct demo_draw draw = draw_for(demo, 'm', (uint64_t)i);
        if (product.stock > 0) {
            demo_make_id(&draw, product.created_s, id);
            demo_make_time(product.created_s, created);
            db_copy_text(demo->copy, id);
            db_copy_text(demo->copy, product.id);
            db_copy_text(demo->copy, "INITIAL");
            db_copy_int(demo->copy, product.stock);
            db_copy_int(demo->copy, product.stock);
            db_copy_text(demo->copy, created);
            db_copy_row_end(demo->copy);
        }
        show_progress("movements", i + 1, demo->product_count);
    }
    db_copy_end(demo->copy);
}

/* ---- the command ---- */

static bool read_number(const char *text, long min, long max, long *out)
{
    char *end;
    long value = strtol(text, &end, 10);

    if (*text == 0 || *end != 0 || value < min || value > max)
        return false;
    *out = value;
    return true;
}

static bool read_arguments(struct demo *demo, int argc, char **argv)
{
    long seed = 0;

    for (int i = 0; i < argc; i += 2) {
        bool is_known = false;
        if (i + 1 == argc)
            return false;
        if (strcmp(argv[i], "--vendors") == 0)
            is_known = read_number(argv[i + 1], 1, VENDORS_MAX, &demo->vendor_count);
        else if (strcmp(argv[i], "--products") == 0)
            is_known = read_number(argv[i + 1], 1, PRODUCTS_MAX, &demo->product_count);
        else if (strcmp(argv[i], "--seed") == 0)
            is_known = demo->has_seed = read_number(argv[i + 1], 1, SEED_MAX, &seed);
        if (!is_known)
            return false;
    }
    demo->seed = (uint64_t)seed;
    return demo->vendor_count > 0 && demo->product_count > 0;
}

static bool is_seed_loaded(struct demo *demo)
{
    char email[NAME_SIZE], sql[2 * NAME_SIZE], found[8];

    make_email(demo, 0, email);
    snprintf(sql, sizeof(sql), "select 1 from users where email = '%s'", email);
    db_copy_ask(demo->copy, sql, found, sizeof(found));
    return found[0] == '1';
}

/* Without --seed, the first that is not there yet: the command can be repeated for more. */
static bool choose_seed(struct demo *demo)
{
    if (demo->has_seed)
        return !is_seed_loaded(demo);
    do
        demo->seed++;
    while (is_seed_loaded(demo));
    return true;
}

static void count_words(struct demo *demo)
{
    while (demo_categories[demo->category_count].name)
        demo->category_weight += 1.0 / ++demo->category_count;
    for (const struct demo_city *city = demo_cities; city->name; city++)
        demo->city_weight += city->weight;
    while (demo_qualities[demo->quality_count])
        demo->quality_count++;
    while (demo_materials[demo->material_count])
        demo->material_count++;
}

static void fill(struct demo *demo)
{
    make_vendors(demo);
    add_categories(demo);
    copy_users(demo);
    copy_vendors(demo);
    take_indexes_off(demo);
    copy_products(demo);
    copy_stock(demo);
    put_indexes_back(demo);
    copy_product_categories(demo);
    copy_movements(demo);
    db_copy_run(demo->copy,
                "analyze users, vendors, categories, products, product_categories, product_cards");
    db_copy_commit(demo->copy);
    free(demo->vendors);
}

int demo_main(const struct conf *conf, int argc, char **argv)
{
    struct demo demo = {.currency = conf_text(conf, "currency")};
    int64_t began_us = clock_monotonic_us();
    double took_s;
    int code = 1;

    count_words(&demo);
    if (!read_arguments(&demo, argc, argv)) {
        fprintf(stderr, "usage: souk demo --vendors 1..%d --products 1..%d [--seed 1..%d]\n",
                VENDORS_MAX, PRODUCTS_MAX, SEED_MAX);
        return 2;
    }
    demo.copy = db_copy_open(conf_text(conf, "db.url"));
    if (choose_seed(&demo))
        fill(&demo);
    else
        fprintf(stderr, "souk: seed %llu is loaded already: leave --seed out, or choose another\n",
                (unsigned long long)demo.seed);
    took_s = (double)(clock_monotonic_us() - began_us) / 1e6;
    if (db_copy_problem(demo.copy)) {
        fprintf(stderr, "souk: nothing was loaded: %s\n", db_copy_problem(demo.copy));
    } else if (demo.vendors) {
        printf("%ld vendors and %ld products in %.1f s (%.0f products/s), seed %llu\n",
               demo.vendor_count, demo.product_count, took_s, (double)demo.product_count / took_s,
               (unsigned long long)demo.seed);
        code = 0;
    }
    db_copy_close(demo.copy);
    return code;
}
