--- Keeps this worker's geo index (core.geo) equal to the table of vendors, and searches in it.
-- The one difficulty is to lose no change: a transaction may commit after others with later ids, so
-- "everything since the last id I saw" skips it. Each read remembers the oldest transaction still
-- running (xmin), and the next one starts from there: some rows come twice, none is missed.
local clock = require("core.clock")
local db = require("souk.db")
local geo = require("core.geo")
local log = require("core.log")
local shared = require("core.shared")
local sleep = require("core.sleep")

local geo_feed = {}

--- Changes that nobody announced (SQL by hand, another node) are seen within MAX_AGE_US.
local MAX_AGE_US = 30e6
--- How often the number of vendors is compared with the table's.
local RECONCILE_US = 600e6
local PAGE_ROWS = 2000
--- A load that has not come a page further for so long was abandoned: its request is gone.
local STALLED_US = 15e6
local WAIT_MS = 2
local LIMIT_USUAL = 20
local BATCH_MIN, BATCH_MAX = 50, 1000
local NO_ID = "00000000-0000-0000-0000-000000000000"
local ACTIVE = 1
local CATEGORY_BITS = 50

--- What is in the index: up to which transaction and which epochs of changes. xmin nil: not loaded.
local state = {
    xmin = nil, geo_epoch = -1, catalogue_epoch = -1, at_us = 0, reconciled_at_us = 0,
    busy_until_us = 0,
}

local function apply(row)
    if row.is_shown == false then
        geo.remove(row.id)
    else
        geo.put(row.id, row.lat_deg, row.lon_deg, row.mask)
    end
end

--- Applies a statement's rows page by page; args come before its id and limit. Returns the xmin of
--- the first page, whose snapshot is the oldest, and the number of rows.
local function read_pages(name, ...)
    local after, first_xmin, total = NO_ID, nil, 0
    local args = { ... }
    repeat
        state.busy_until_us = clock.monotonic_us() + STALLED_US
        args[select("#", ...) + 1], args[select("#", ...) + 2] = after, PAGE_ROWS
        local rows, problem = db.query(name, unpack(args))
        if not rows then
            return nil, problem
        end
        first_xmin = first_xmin or rows[1].xmin
        for _, row in ipairs(rows) do
            if row.id then
                apply(row)
                after, total = row.id, total + 1
            end
        end
    until #rows < PAGE_ROWS
    return first_xmin, total
end

--- The whole table; searches go on in what is there until the last page has come.
local function load_all()
    geo.clear()
    local xmin, count = read_pages("geo/load")
    if not xmin then
        return nil, count
    end
    log.info("geo.loaded", { vendors = count })
    return xmin
end

--- Whether the index has as many vendors as the table. A change right between makes it say no,
--- which only costs a load.
local function is_complete()
    local row, problem = db.one("geo/count")
    if not row then
        return nil, problem
    end
    if row.total ~= geo.count() then
        log.warn("geo.differs", { vendors = row.total, indexed = geo.count() })
    end
    return row.total == geo.count()
end

local function read_changes(now_us)
    if not state.xmin then
        state.reconciled_at_us = now_us
        return load_all()
    end
    local xmin, problem = read_pages("geo/changes", state.xmin)
    if not xmin or now_us - state.reconciled_at_us < RECONCILE_US then
        return xmin, problem
    end
    local is_equal, refusal = is_complete()
    if is_equal == nil then
        return nil, refusal
    end
    state.reconciled_at_us = now_us
    return is_equal and xmin or load_all()
end

local function is_fresh(geo_epoch, catalogue_epoch, now_us)
    return state.xmin and state.geo_epoch >= geo_epoch and state.catalogue_epoch >= catalogue_epoch
        and now_us - state.at_us < MAX_AGE_US
end

--- Waits while another request reads. True: what it read may be all we need.
local function has_waited()
    if clock.monotonic_us() >= state.busy_until_us then
        return false
    end
    sleep(WAIT_MS)
    return true
end

--- Brings the index up to date with all that was announced before the call. With is_by_category
--- also with what was published; else that may be MAX_AGE_US old. true, or nil, err.
function geo_feed.refresh(is_by_category)
    local geo_epoch = shared.read("geo")
    local catalogue_epoch = is_by_category and shared.read("catalogue") or -1
    repeat
        if is_fresh(geo_epoch, catalogue_epoch, clock.monotonic_us()) then
            return true
        end
    until not has_waited()
    local now_us = clock.monotonic_us()
    geo_epoch, catalogue_epoch = shared.read("geo"), shared.read("catalogue")
    state.busy_until_us = now_us + STALLED_US
    local xmin, problem = read_changes(now_us)
    state.busy_until_us = 0
    if not xmin then
        return nil, problem
    end
    state.xmin, state.at_us = xmin, now_us
    state.geo_epoch, state.catalogue_epoch = geo_epoch, catalogue_epoch
    return true
end

--- The bit of category_geo_bit() in SQL.
local function bit_of(category_id)
    return 2 ^ (1 + tonumber(category_id:sub(-8), 16) % CATEGORY_BITS)
end

local function without_mask(hits)
    for _, hit in ipairs(hits) do
        hit.mask = nil
    end
    return hits
end

--- Which of hits sell in the category, as a set of ids; or nil, err.
local function sellers_among(hits, category_id)
    local ids, sellers = {}, {}
    for i, hit in ipairs(hits) do
        ids[i] = hit.id
    end
    local rows, problem = db.query("geo/sellers", db.array(ids), category_id)
    if not rows then
        return nil, problem
    end
    for _, row in ipairs(rows) do
        sellers[row.id] = true
    end
    return sellers
end

--- Goes outwards in larger and larger batches until enough vendors sell in the category.
local function nearby_in_category(query, category_id, limit)
    local found = {}
    local batch = {
        lat = query.lat, lng = query.lng, radius_km = query.radius_km,
        mask = ACTIVE + bit_of(category_id),
        limit = math.min(math.max(limit * 2, BATCH_MIN), BATCH_MAX),
        after_distance_m = query.after_distance_m, after_id = query.after_id,
    }
    while true do
        local hits = geo.near(batch)
        if #hits == 0 then
            return found
        end
        local sellers, problem = sellers_among(hits, category_id)
        if not sellers then
            return nil, problem
        end
        for _, hit in ipairs(hits) do
            if sellers[hit.id] then
                found[#found + 1] = hit
            end
            if #found == limit then
                return without_mask(found)
            end
        end
        if #hits < batch.limit then
            return without_mask(found)
        end
        batch.after_distance_m, batch.after_id = hits[#hits].distance_m, hits[#hits].id
        batch.limit = math.min(batch.limit * 2, BATCH_MAX)
    end
end

--- Active vendors around a point, nearest first, ties by id: array of {id, distance_m}; or nil,
--- err.
--- query: {lat, lng, radius_km = nil, limit = 20 (at most 1000), category = nil (id or slug: only
--- those selling in it or below it), after_distance_m = nil, after_id = nil (of the
--- last one seen)}.
function geo_feed.nearby(query)
    local category = query.category or query.category_id
    local is_fed, problem = geo_feed.refresh(category ~= nil)
    if not is_fed then
        return nil, problem
    end
    local limit = query.limit or LIMIT_USUAL
    if not category then
        return without_mask(geo.near({
            lat = query.lat, lng = query.lng, radius_km = query.radius_km, limit = limit,
            mask = ACTIVE, after_distance_m = query.after_distance_m, after_id = query.after_id,
        }))
    end
    local row, refusal = db.one("geo/category", category)
    if not row then
        return refusal == nil and {} or nil, refusal
    end
    return nearby_in_category(query, row.id, limit)
end

return geo_feed
