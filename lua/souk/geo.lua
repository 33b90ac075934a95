--- Who is near, from this worker's index: active vendors around a point, exact along the mean
--- sphere, microseconds a call. What a client may send is checked by its route: arguments out of
--- range raise. Before the first load (geo.is_loaded) nobody is found here; flows.geo_feed asks the
--- database then.
local core_geo = require("core.geo")

local geo = {}

local ACTIVE = 1

local function of_active(query)
    return {
        lat = query.lat, lng = query.lng, radius_km = query.radius_km, limit = query.limit,
        mask = ACTIVE, after_distance_m = query.after_distance_m, after_id = query.after_id,
    }
end

--- Whether the index is there.
function geo.is_loaded()
    return core_geo.is_loaded()
end

--- geo.near{lat=, lng=, radius_km=nil, limit=20, after_distance_m=nil, after_id=nil} -> array of
--- {id=, distance_m=}, nearest first, ties by id. To go on, name the last one seen.
function geo.near(query)
    local hits = core_geo.near(of_active(query))
    for _, hit in ipairs(hits) do
        hit.mask = nil
    end
    return hits
end

--- The same as JSON text, [{"id": …, "distanceKm": …}], made in C; and how many.
function geo.near_json(query)
    return core_geo.near_json(of_active(query))
end

--- Metres between two places.
function geo.distance_m(a_lat, a_lng, b_lat, b_lng)
    return core_geo.distance_m(a_lat, a_lng, b_lat, b_lng)
end

return geo
