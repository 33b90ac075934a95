--- Vendors around a point, nearest first, ties by id. From memory where that can be: who and how
-- far from the index, what is shown of each from the texts that the worker keeps.
local db = require("souk.db")
local geo_feed = require("flows.geo_feed")
local json = require("core.json")

local vendor_nearby = {}

local TIES_LOOKED_AT = 16

local function metres_to_km(metres)
    return math.floor(metres + 0.5) / 1000
end

--- Nearest first to the millimetre, ties by id: below that the sphere's arithmetic has noise, which
-- must not order two places that are equally far. A few more than wanted are looked at for that.
-- core.geo.cards_near does the same.
local function in_order(hits, limit)
    table.sort(hits, function(a, b)
        local a_mm = math.floor(a.distance_m * 1000 + 0.5)
        local b_mm = math.floor(b.distance_m * 1000 + 0.5)
        if a_mm ~= b_mm then
            return a_mm < b_mm
        end
        return a.id < b.id
    end)
    for i = #hits, limit + 1, -1 do
        hits[i] = nil
    end
    return hits
end

--- The vendors of hits, in their order, from the database.
local function read(hits)
    local ids, rows_by_id, out = {}, {}, json.array({})
    for i, hit in ipairs(hits) do
        ids[i] = hit.id
    end
    local rows, problem = db.query("vendor/by_ids", db.array(ids))
    if not rows then
        return nil, problem
    end
    for _, row in ipairs(rows) do
        rows_by_id[row.id] = row
    end
    for _, hit in ipairs(hits) do
        local row = rows_by_id[hit.id]
        if row then
            row.location = row.location or json.null
            row.distanceKm = metres_to_km(hit.distance_m)
            out[#out + 1] = row
        end
    end
    return out
end

--- Answers GET /vendors/nearby.
function vendor_nearby.list(query)
    if not query.category then
        local answer, problem = geo_feed.nearby_answer(query.lat, query.lng, query.radiusKm,
            query.limit)
        if answer or problem then
            return answer, problem
        end
    end
    local hits, problem = geo_feed.nearby({
        lat = query.lat, lng = query.lng, radius_km = query.radiusKm, category = query.category,
        limit = query.limit + TIES_LOOKED_AT,
    })
    if not hits then
        return nil, problem
    end
    local vendors, refusal = read(in_order(hits, query.limit))
    if not vendors then
        return nil, refusal
    end
    return { data = vendors }
end

return vendor_nearby
