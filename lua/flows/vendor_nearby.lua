--- Vendors around a point: who and how far from the index in memory, the rest from the database, which has the last word on
--- whether a vendor is active.
local db = require("souk.db")
local geo_feed = require("flows.geo_feed")
local json = require("core.json")

local vendor_nearby = {}

--- The feed is right but for what was committed a moment ago: this often it is asked for more.
local BATCHES_MAX = 10

--- Adds those of hits that are active (and sell the category) to out, up to limit.
local function take(hits, query, out)
    local ids, rows_by_id = {}, {}
    for i, hit in ipairs(hits) do
        ids[i] = hit.id
    end
    local rows, problem = db.query("vendor/by_ids", db.array(ids), query.category)
    if not rows then
        return nil, problem
    end
    for _, row in ipairs(rows) do
        rows_by_id[row.id] = row
    end
    for _, hit in ipairs(hits) do
        local row = rows_by_id[hit.id]
        if row and #out < query.limit then
            row.location = row.location or json.null
            row.distanceKm = math.floor(hit.distance_m + 0.5) / 1000
            out[#out + 1] = row
        end
    end
    return true
end

--- Answers GET /vendors/nearby.
function vendor_nearby.list(query)
    local out, last = json.array({}), nil
    for _ = 1, BATCHES_MAX do
        local hits, problem = geo_feed.nearby({
            lat = query.lat, lng = query.lng, radius_km = query.radiusKm, limit = query.limit,
            category = query.category,
            after_distance_m = last and last.distance_m, after_id = last and last.id,
        })
        if not hits then
            return nil, problem
        end
        if #hits > 0 then
            local is_taken, refusal = take(hits, query, out)
            if not is_taken then
                return nil, refusal
            end
        end
        last = hits[#hits]
        if #hits < query.limit or #out >= query.limit then
            break
        end
    end
    return { data = out }
end

return vendor_nearby
