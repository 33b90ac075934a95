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

--- Whether the index is there. Before that nobody is found.
--- Example: assert(type(geo.is_loaded()) == "boolean")
function geo.is_loaded()
    return core_geo.is_loaded()
end

--- Active vendors around query = {lat, lng, radius_km, limit = 20 (at most 1000), after_distance_m,
--- after_id}, of which all but the place may be left out: a list of {id, distance_m}, nearest
--- first, ties by id. To go on, name the last one seen.
--- Example: for _, hit in ipairs(geo.near({ lat = 51.5, lng = -0.13, radius_km = 25 })) do
---     assert(hit.distance_m <= 25000)
--- end
function geo.near(query)
    return core_geo.near(of_active(query))
end

--- The same as JSON text, [{"id": …, "distanceKm": …}]; and how many. The quicker of the two.
--- Example: local text, count = geo.near_json({ lat = 51.5, lng = -0.13, limit = 5 })
--- assert(count <= 5 and #json.decode(text) == count)
function geo.near_json(query)
    return core_geo.near_json(of_active(query))
end

--- Metres between two places.
--- Example: assert(math.floor(geo.distance_m(51.5, 0, 51.5, 1)) == 69220)
function geo.distance_m(a_lat, a_lng, b_lat, b_lng)
    return core_geo.distance_m(a_lat, a_lng, b_lat, b_lng)
end

return geo
