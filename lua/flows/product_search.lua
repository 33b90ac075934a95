--- Lists of products on sale: which statement answers which question, and what is remembered of
--- totals.
local db = require("souk.db")
local err = require("souk.err")
local geo_feed = require("flows.geo_feed")
local json = require("core.json")
local kept = require("souk.kept")
local page = require("souk.page")

local product_search = {}

--- Counting stops here; where words or stock are looked at, which costs more a row, earlier.
local TOTAL_MAX = 100001
local TOTAL_DEAR_MAX = 10001
local FACETS_OF_MAX = 10000
local TOTAL_TTL_US = 5e6
local TOTALS_MAX = 1000
local NEAR_BATCH = 1000
local NEAR_BATCHES_MAX = 5

local totals = kept.new({ epoch = "catalogue", ttl_us = TOTAL_TTL_US, max = TOTALS_MAX })

local function total_max(filters)
    return (filters.q or filters.inStock ~= nil) and TOTAL_DEAR_MAX or TOTAL_MAX
end

local function count(filters, filters_text)
    local row, problem = db.one("product/count", filters_text, total_max(filters))
    if not row then
        return nil, problem
    end
    return row.total
end

--- The number of matches, at most 5 s old and never older than the last change of the catalogue.
-- Stock changes with every sale, so what depends on it is counted each time.
local function total_of(filters, filters_text)
    if filters.inStock ~= nil then
        return count(filters, filters_text)
    end
    return totals:get(filters_text, function()
        return count(filters, filters_text)
    end)
end

--- Adds the vendors around the point to filters, nearest first: all in the radius, but no more
-- than NEAR_BATCHES_MAX batches.
local function add_near(filters, query)
    local ids, metres, last = json.array({}), json.array({}), nil
    for _ = 1, NEAR_BATCHES_MAX do
        local hits, problem = geo_feed.nearby({
            lat = query.lat, lng = query.lng, radius_km = query.radiusKm, limit = NEAR_BATCH,
            after_distance_m = last and last.distance_m, after_id = last and last.id,
        })
        if not hits then
            return nil, problem
        end
        for _, hit in ipairs(hits) do
            ids[#ids + 1], metres[#metres + 1] = hit.id, hit.distance_m
        end
        last = hits[#hits]
        if #hits < NEAR_BATCH then
            break
        end
    end
    filters.nearIds, filters.nearMeters = ids, metres
    return true
end

local FILTERS = { "q", "category", "vendorId", "minPrice", "maxPrice", "inStock", "minRating" }

--- What fields ask of one another.
local function check(query)
    local is_placed = query.lat ~= nil
    local rules = {
        { is_placed ~= (query.lng ~= nil), is_placed and "lng" or "lat",
            "is required with the other coordinate" },
        { query.radiusKm and not is_placed, "radiusKm", "needs lat and lng" },
        { query.sort == "distance" and not is_placed, "sort", "distance needs lat and lng" },
        { query.sort == "relevance" and not query.q, "sort", "relevance needs q" },
        { (query.minPrice or 0) > (query.maxPrice or math.huge), "maxPrice",
            "must not be below minPrice" },
    }
    for _, rule in ipairs(rules) do
        if rule[1] then
            return err.field(rule[2], rule[3])
        end
    end
    return nil
end

--- The filters given; or nil, err. Second: whether there are none but vendorId.
local function filters_of(query)
    local refusal = check(query)
    if refusal then
        return nil, refusal
    end
    local filters, is_plain = {}, query.lat == nil
    for _, name in ipairs(FILTERS) do
        filters[name] = query[name]
        is_plain = is_plain and (query[name] == nil or name == "vendorId")
    end
    if query.lat then
        local is_added, problem = add_near(filters, query)
        if not is_added then
            return nil, problem
        end
    end
    return filters, is_plain
end

local function facets_of(query, filters_text)
    if not query.facets then
        return nil
    end
    local rows, problem = db.query("product/facets", filters_text, FACETS_OF_MAX)
    if not rows then
        return nil, problem
    end
    local facets = {}
    for name in query.facets:gmatch("%a+") do
        facets[name] = json.array({})
    end
    for _, row in ipairs(rows) do
        local list = facets[row.facet]
        if list then
            list[#list + 1] = { id = row.id, slug = row.slug, name = row.name, count = row.count }
        end
    end
    return facets
end

--- The statement with its arguments. Newest first without filters is asked for most, and has
--- statements of its own whose plans stay prepared; all else is planned for its very filters.
local function statement_of(req, filters, filters_text, sort, is_plain)
    local offset = req.query.offset or 0
    if is_plain and sort == "newest" and offset == 0 then
        if filters.vendorId then
            return "product/newest_of_vendor", page.args(filters.vendorId)
        end
        return "product/newest", page.args()
    end
    local name = filters.nearIds and "product/search_near" or "product/search"
    return name, page.args(filters_text, sort)
end

--- What page.list is to answer; or nil, err.
local function spec_of(req)
    local query = req.query
    local filters, is_plain = filters_of(query)
    if not filters then
        return nil, is_plain
    end
    local sort = query.sort or (query.q and "relevance") or "newest"
    local filters_text = json.encode(json.object(filters))
    local facets, problem = facets_of(query, filters_text)
    if problem then
        return nil, problem
    end
    local name, args = statement_of(req, filters, filters_text, sort, is_plain)
    return {
        query = name,
        scope = "products " .. sort,
        args = args,
        cursor = { "sort", "id" },
        known_total = function()
            return totals:peek(filters_text)
        end,
        total = function()
            return total_of(filters, filters_text)
        end,
        total_max = total_max(filters),
        extra = { facets = facets },
    }
end

--- By query: the kit gives the same table for the same text. Vendors move and facets are counted
-- anew, so these are not here.
local specs = setmetatable({}, { __mode = "k" })

--- Answers GET /products.
function product_search.list(req)
    local query = req.query
    if specs[query] then
        return page.list(req, specs[query])
    end
    local spec, problem = spec_of(req)
    if not spec then
        return nil, problem
    end
    if not query.lat and not query.facets then
        specs[query] = spec
    end
    return page.list(req, spec)
end

return product_search
