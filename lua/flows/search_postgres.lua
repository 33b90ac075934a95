--- The search provider inside PostgreSQL: sql/functions/product_search.sql for lists, the
--- dictionary `terms` for completing and correcting.
local db = require("souk.db")
local geo_feed = require("flows.geo_feed")
local json = require("core.json")
local log = require("core.log")
local page = require("souk.page")
local search = require("souk.search")

local search_postgres = {}

--- Counting stops here; where other tables or words are looked at, which costs more a row, earlier.
local TOTAL_MAX = 100001
local TOTAL_DEAR_MAX = 10001
local FACETS_OF_MAX = 1000
local NEAR_BATCH = 1000
local NEAR_BATCHES_MAX = 5
local CORRECTED_MAX = 16
--- What one turn of counting words takes.
local ROUND_ROWS = 2000
local ROUND_PARTS = 64

--- Adds the vendors around the point to filters, nearest first: all in the radius, but no more
-- than NEAR_BATCHES_MAX batches.
local function add_near(filters, near)
    local ids, metres, last = json.array({}), json.array({}), nil
    for _ = 1, NEAR_BATCHES_MAX do
        local hits, problem = geo_feed.nearby({
            lat = near.lat, lng = near.lng, radius_km = near.radiusKm, limit = NEAR_BATCH,
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

--- The filters as the functions in SQL take them; made once a request. Or nil, err.
local function text_of(request)
    if request.filters_text then
        return request.filters_text
    end
    local filters = {}
    for name, value in pairs(request.filters) do
        filters[name] = value
    end
    if request.near then
        local is_added, problem = add_near(filters, request.near)
        if not is_added then
            return nil, problem
        end
    end
    request.filters_text = json.encode(json.object(filters))
    return request.filters_text
end

local function is_plain(request)
    for name in pairs(request.filters) do
        if name ~= "vendorId" then
            return false
        end
    end
    return not request.near and request.sort == "newest" and (request.offset or 0) == 0
end

--- Newest first without filters is asked for most, and has statements of its own whose plans stay
--- prepared; all else is planned for its very filters.
function search_postgres.statement(request)
    if is_plain(request) then
        if request.filters.vendorId then
            return "product/newest_of_vendor", page.args(request.filters.vendorId)
        end
        return "product/newest", page.args()
    end
    local text, problem = text_of(request)
    if not text then
        return nil, problem
    end
    return request.near and "product/search_near" or "product/search",
        page.args(text, request.sort)
end

function search_postgres.query(request)
    local text, problem = text_of(request)
    if not text then
        return nil, problem
    end
    local after = request.after or {}
    local rows, failure = db.query("product/hits", text, request.sort, after[1], after[2],
        request.limit, request.offset or 0)
    if not rows then
        return nil, failure
    end
    local hits = { ids = {}, scores = {}, sorts = {} }
    for i, row in ipairs(rows) do
        hits.ids[i], hits.scores[i], hits.sorts[i] = row.id, row.score, row.sort
    end
    return hits
end

function search_postgres.total_max(request)
    local filters = request.filters
    local is_dear = filters.q or filters.category or filters.inStock ~= nil
    return is_dear and TOTAL_DEAR_MAX or TOTAL_MAX
end

function search_postgres.total(request)
    local text, problem = text_of(request)
    if not text then
        return nil, problem
    end
    local row, failure = db.one("product/count", text, search_postgres.total_max(request))
    if not row then
        return nil, failure
    end
    return row.total
end

--- The same text for the same request, by which a total may be remembered; or nil, err.
search_postgres.key = text_of

function search_postgres.facets(request)
    local text, problem = text_of(request)
    if not text then
        return nil, problem
    end
    return db.query("product/facets", text, FACETS_OF_MAX)
end

function search_postgres.suggest(typed, limit)
    return db.json("product/suggest", typed:lower(), limit)
end

local WORD = "[%w\128-\255]+"

--- The words of text that are wanted: not those behind a minus, which nothing has to have.
local function wanted_words(text)
    local words = {}
    for part in text:gmatch("%S+") do
        for word in part:gmatch(part:sub(1, 1) == "-" and "^$" or WORD) do
            words[#words + 1] = #words < CORRECTED_MAX and word:lower() or nil
        end
    end
    return words
end

function search_postgres.correct(text)
    local rows, problem = db.query("term/corrections", db.array(wanted_words(text)))
    if not rows or #rows == 0 then
        return nil, problem
    end
    local meant = {}
    for _, row in ipairs(rows) do
        meant[row.typed] = row.word
    end
    return (text:gsub("%S+", function(part)
        return part:sub(1, 1) ~= "-" and part:gsub(WORD, function(word)
            return meant[word:lower()]
        end) or nil
    end))
end

--- One turn of the timer: counts the words of some more products.
function search_postgres.count_terms()
    local _, problem = db.exec("term/round", ROUND_ROWS, ROUND_PARTS)
    if problem then
        log.warn("search.terms.failed", { code = problem.code })
    end
end

search.provide("postgres", search_postgres)

return search_postgres
