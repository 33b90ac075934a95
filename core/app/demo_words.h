/* What the made-up marketplace is made of: cities, categories and words. Constant tables. */
#ifndef SOUK_APP_DEMO_WORDS_H
#define SOUK_APP_DEMO_WORDS_H

struct demo_city {
    const char *name;
    const char *country; /* ISO 3166 */
    double lat_deg;
    double lon_deg;
    int weight; /* how many vendors, against the others: about its people in 100 000 */
};

#define DEMO_NOUNS 6

struct demo_category {
    const char *root; /* of the level above */
    const char *name;
    const char *trade;             /* ends the name of a shop */
    int price_minor;               /* of a middling thing */
    const char *nouns[DEMO_NOUNS]; /* no noun is in two categories, so names cannot meet */
};

/* Each ends with an entry whose first member is NULL. Categories come in order of demand. */
extern const struct demo_city demo_cities[];
extern const struct demo_category demo_categories[];
extern const char *const demo_shop_words[];
extern const char *const demo_qualities[];
extern const char *const demo_materials[];
extern const char *const demo_openings[];
extern const char *const demo_details[];
extern const char *const demo_closings[];

#endif
