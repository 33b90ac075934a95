--- Lists of products on sale: what may be asked, who searches, what is remembered of totals, and
--- what is tried when nothing was found.
local err = require("souk.err")
local json = require("core.json")
local kept = require("souk.kept")
local page = require("souk.page")
local search = require("souk.search")

--- The provider that is there from the start.
require("flows.search_postgres")

local product_search = {}

local TOTAL_TTL_US = 5e6
local TOTALS_MAX = 1000
local OFFSET_MAX = 10000
--- Hits asked for beyond a page: some may have gone from sale since they were indexed.
local SPARE = 10

local totals = kept.new({ epoch = "catalogue", ttl_us = TOTAL_TTL_US, max = TOTALS_MAX })

--- The number of matches, at most 5 s old and never older than the last change of the catalogue.
-- Stock changes with every sale, so what depends on it is counted each time.
local function total_of(request, key)
    if request.filters.inStock ~= nil then
        return search.provider().total(request)
    end
    return totals:get(key, function()
        return search.provider().total(request)
    end)
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

--- The request for providers; or nil, err.
local function request_of(query)
    local refusal = check(query)
    if refusal then
        return nil, refusal
    end
    local filters = {}
    for _, name in ipairs(FILTERS) do
        filters[name] = query[name]
    end
    return {
        filters = filters, sort = query.sort or (query.q and "relevance") or "newest",
        limit = query.limit, offset = query.offset,
        near = query.lat and { lat = query.lat, lng = query.lng, radiusKm = query.radiusKm } or nil,
    }
end

local function facets_of(query, request)
    if not query.facets then
        return nil
    end
    local rows, problem = search.provider().facets(request)
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

--- The statement that reads the rows of hits found elsewhere, with its arguments; or nil, err.
local function rows_of_hits(query, request, scope)
    if query.cursor then
        local after, problem = page.open(scope, query.cursor)
        if not after then
            return nil, problem
        end
        request.after = after
    end
    request.limit = query.limit + SPARE
    request.offset = math.min(query.offset or 0, OFFSET_MAX)
    local hits, problem = search.provider().query(request)
    if not hits then
        return nil, problem
    end
    return "product/by_ids", page.args(json.encode(json.array(hits.ids)),
        json.encode(json.array(hits.sorts)))
end

--- The statement that gives the rows, with its arguments; or nil, err.
local function statement_of(query, request, scope)
    local provider = search.provider()
    if provider.statement then
        return provider.statement(request)
    end
    return rows_of_hits(query, request, scope)
end

--- What page.list is to answer; or nil, err.
local function spec_of(query)
    local request, refusal = request_of(query)
    if not request then
        return nil, refusal
    end
    local scope = "products " .. request.sort
    local name, args = statement_of(query, request, scope)
    if not name then
        return nil, args
    end
    local facets, problem = facets_of(query, request)
    if problem then
        return nil, problem
    end
    local key, failure = search.provider().key(request)
    if not key then
        return nil, failure
    end
    return {
        query = name, scope = scope, args = args, cursor = { "sort", "id" },
        known_total = function()
            return totals:peek(key)
        end,
        total = function()
            return total_of(request, key)
        end,
        total_max = search.provider().total_max(request),
        extra = { facets = facets },
    }
end

--- By query: the kit gives the same table for the same text. Vendors move, facets are counted anew
--- and hits found anew, so these are not here.
local specs = setmetatable({}, { __mode = "k" })

local function answer(req)
    local query = req.query
    if specs[query] then
        return page.list(req, specs[query])
    end
    local spec, problem = spec_of(query)
    if not spec then
        return nil, problem
    end
    if search.provider().statement and not query.lat and not query.facets then
        specs[query] = spec
    end
    return page.list(req, spec)
end

--- The answer for what was probably meant, told as didYouMean; or given, when that is no better.
local function corrected(req, given)
    local meant, problem = search.correct(req.query.q)
    if not meant then
        return problem == nil and given or nil, problem
    end
    local query = { q = meant }
    for name, value in pairs(req.query) do
        query[name] = query[name] or value
    end
    local spec, failure = spec_of(query)
    if not spec then
        return nil, failure
    end
    spec.extra.didYouMean = meant
    local text, refusal, is_empty = page.list({ query = query }, spec)
    if is_empty then
        return given
    end
    return text, refusal
end

--- Answers GET /products. When no product has the words, they are corrected and asked for again.
function product_search.list(req)
    local text, problem, is_empty = answer(req)
    if is_empty and req.query.q then
        return corrected(req, text)
    end
    return text, problem
end

--- Answers GET /products/suggest with JSON text; or nil, err.
function product_search.suggest(typed, limit)
    return search.suggest(typed, limit)
end

return product_search
