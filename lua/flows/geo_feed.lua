--- Keeps this worker's geo index (core.geo) equal to vendor_places, and searches in it. The one
-- difficulty is to lose no change: a transaction may commit after others with later ids, so
-- "everything since the last id I saw" skips it. Each reading remembers its snapshot, and the next
-- one asks for what that snapshot did not see.
local clock = require("core.clock")
local conf = require("core.conf")
local db = require("souk.db")
local err = require("souk.err")
local geo = require("core.geo")
local info = require("core.info")
local log = require("core.log")
local metric = require("core.metric")
local shared = require("core.shared")
local sleep = require("core.sleep")

local geo_feed = {}

--- Changes that nobody announced here (SQL by hand, another node) are looked for this often.
local POLL_US = 0.9e6
--- A worker in which nobody searches looks seldom; the first search after that waits for what was
--- announced since somebody looked.
local ASKED_US, LOOKED_US = 2e6, 50e3
--- How often the whole table is compared with the index, and how soon after a failure.
local COMPARE_US, AGAIN_US = 600e6, 5e6
--- Workers do so one after the other.
local APART_US = 5e6
local STALE_MAX_US = tonumber(conf("geo.stale_max_ms")) * 1000
local PAGE_ROWS = 2000
--- A reading that has not come a page further for so long was abandoned: its request is gone.
local STALLED_US = 15e6
local LOAD_STALLED_US = 310e6
local WAIT_MS = 2
local LIMIT_USUAL = 20
local BATCH_MIN, BATCH_MAX = 50, 1000
--- Beyond half the circumference everybody is meant.
local RADIUS_MAX_M = 1e9
local NO_ID = "00000000-0000-0000-0000-000000000000"
local ACTIVE = 1
local CATEGORY_BITS = 50
local WORKER = ('worker="%d"'):format(info.worker)

--- Which announcements are in the index; since when there are some that are not. What it holds, and
--- up to which snapshot, outlives a generation: core.geo has it.
local state = {
    geo_epoch = -1, catalogue_epoch = -1, read_at_us = 0, behind_since_us = nil, busy_until_us = 0,
    loading_until_us = 0, compare_at_us = 0, is_begun = false, looked_at_us = 0, searches = 0,
    asked_at_us = 0,
}

--- Whether searches are answered from memory.
function geo_feed.is_loaded()
    return geo.is_loaded()
end

local function apply(row, is_next)
    geo.cards_drop(row.id)
    if row.is_shown then
        geo.put(row.id, row.lat_deg, row.lon_deg, row.mask, is_next)
    else
        geo.remove(row.id, is_next)
    end
end

--- Applies what the snapshot did not see, page by page. Returns the first page's snapshot, or nil,
--- err. is_next: to what was loaded and is not shown yet.
local function read_changes(snapshot, is_next)
    local after, first = NO_ID, nil
    repeat
        state.busy_until_us = clock.monotonic_us() + STALLED_US
        local rows, problem = db.query("geo/changes", snapshot, after, PAGE_ROWS)
        if not rows then
            return nil, problem
        end
        first = first or rows[1].snapshot
        for _, row in ipairs(rows) do
            if row.id then
                apply(row, is_next)
                after = row.id
            end
        end
    until #rows < PAGE_ROWS
    return first
end

--- The whole table, packed beside the index that answers meanwhile and put into its place; or
--- nothing, where both are equal. true, or nil, err.
local function load_all()
    local began_us = clock.monotonic_us()
    local snapshot, found = geo.load("geo/load")
    if not snapshot then
        log.error("geo.load.failed", { problem = found })
        return nil, err.database_unavailable()
    end
    if found then
        local cursor, problem = read_changes(snapshot, true)
        if not cursor then
            return nil, problem
        end
        geo.swap()
        geo.cursor(cursor)
        log.info("geo.loaded", {
            vendors = geo.count(), ms = math.floor((clock.monotonic_us() - began_us) / 1000),
        })
    end
    metric.inc("souk_geo_compared_total", found and 'result="loaded"' or 'result="equal"')
    return true
end

--- Loads when it is time to: at first, and every ten minutes to compare. Does not wait for another
--- who does.
local function load_if_due(now_us)
    if now_us < state.compare_at_us or now_us < state.loading_until_us then
        return true
    end
    if not state.is_begun then -- a new generation may show vendors otherwise
        state.is_begun = true
        geo.cards_clear()
    end
    state.loading_until_us = now_us + LOAD_STALLED_US
    local is_done, problem = load_all()
    state.loading_until_us = 0
    state.busy_until_us = 0
    state.compare_at_us = clock.monotonic_us() + (is_done and COMPARE_US or AGAIN_US)
        + info.worker * APART_US
    return is_done, problem
end

local function is_fresh(geo_epoch, catalogue_epoch)
    return geo.is_loaded() and state.geo_epoch >= geo_epoch
        and state.catalogue_epoch >= catalogue_epoch
end

local function note_progress(now_us)
    metric.observe("souk_geo_catch_up_seconds", now_us - (state.behind_since_us or now_us))
    state.behind_since_us = nil
end

--- Reads what has changed. true, or nil, err.
local function catch_up()
    local began_us = clock.monotonic_us()
    local geo_epoch, catalogue_epoch = shared.read("geo"), shared.read("catalogue")
    local cursor, problem = read_changes(geo.cursor(), false)
    state.busy_until_us = 0
    if not cursor then
        return nil, problem
    end
    geo.cursor(cursor)
    state.geo_epoch, state.catalogue_epoch = geo_epoch, catalogue_epoch
    state.read_at_us = began_us
    note_progress(clock.monotonic_us())
    return true
end

--- Waits while another request reads. True: what it read may be all we need.
local function has_waited()
    if clock.monotonic_us() >= state.busy_until_us then
        return false
    end
    sleep(WAIT_MS)
    return true
end

--- Brings the index up to date with all that was announced before the call; with is_by_category
--- also with what was published. true, or nil, err.
local function wait_until_fresh(is_by_category)
    local geo_epoch = shared.read("geo")
    local catalogue_epoch = is_by_category and shared.read("catalogue") or -1
    repeat
        if is_fresh(geo_epoch, catalogue_epoch) then
            return true
        end
    until not has_waited()
    return catch_up()
end

--- The same, and loads the index when it is not there, or compares it when it is time to.
function geo_feed.refresh(is_by_category)
    local is_loaded, problem = load_if_due(clock.monotonic_us())
    if not is_loaded then
        return nil, problem
    end
    return wait_until_fresh(is_by_category)
end

--- Before a search: true, or nil, err. It is answered at once, unless changes were announced that
--- are not here and have been known for too long.
local function admit(is_by_category)
    if not geo.is_loaded()
        or is_fresh(shared.read("geo"), is_by_category and shared.read("catalogue") or -1) then
        return true
    end
    local now_us = clock.monotonic_us()
    if now_us - state.looked_at_us > LOOKED_US then
        return wait_until_fresh(is_by_category)
    end
    state.behind_since_us = state.behind_since_us or now_us
    return now_us - state.behind_since_us < STALE_MAX_US or wait_until_fresh(is_by_category)
end

--- Whether somebody has searched of late.
local function is_asked(now_us)
    local searches = geo.searches()
    if searches ~= state.searches then
        state.searches, state.asked_at_us = searches, now_us
    end
    return now_us - state.asked_at_us < ASKED_US
end

--- A timer of every worker: follows at once what is announced, and looks by itself every second.
--- Whether it should look again soon.
function geo_feed.follow()
    local now_us = clock.monotonic_us()
    local is_announced = not is_fresh(shared.read("geo"), shared.read("catalogue"))
    state.looked_at_us = now_us
    if geo.is_loaded() and (is_announced or now_us - state.read_at_us > POLL_US) then
        state.behind_since_us = is_announced and (state.behind_since_us or now_us) or nil
        if now_us >= state.busy_until_us then
            catch_up()
        end
        metric.set("souk_geo_vendors", geo.count(), WORKER)
        metric.set("souk_geo_age_ms", (clock.monotonic_us() - state.read_at_us) / 1000, WORKER)
    end
    return is_asked(now_us)
end

--- Another: loads, and compares when it is time to. Whether it should look again soon.
function geo_feed.keep()
    load_if_due(clock.monotonic_us())
    return not geo.is_loaded()
end

--- The bit of category_geo_bit() in SQL.
local function bit_of(category_id)
    return 2 ^ (1 + tonumber(category_id:sub(-8), 16) % CATEGORY_BITS)
end

--- From the database as long as there is no index: nobody waits for a load.
local function near_in_database(query)
    return db.query("geo/near", query.lat, query.lng,
        query.radius_km and math.min(query.radius_km * 1000, RADIUS_MAX_M), query.mask,
        query.after_distance_m, query.after_id, query.limit)
end

local function near(query)
    if not geo.is_loaded() then
        return near_in_database(query)
    end
    return geo.near(query)
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
        local hits, problem = near(batch)
        if not hits or #hits == 0 then
            return hits and found, problem
        end
        local sellers, refusal = sellers_among(hits, category_id)
        if not sellers then
            return nil, refusal
        end
        for _, hit in ipairs(hits) do
            if sellers[hit.id] then
                found[#found + 1] = hit
            end
            if #found == limit then
                return found
            end
        end
        if #hits < batch.limit then
            return found
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
    local is_admitted, problem = admit(category ~= nil)
    if not is_admitted then
        return nil, problem
    end
    local limit = query.limit or LIMIT_USUAL
    if not category then
        return near({
            lat = query.lat, lng = query.lng, radius_km = query.radius_km, limit = limit,
            mask = ACTIVE, after_distance_m = query.after_distance_m, after_id = query.after_id,
        })
    end
    local row, refusal = db.one("geo/category", category)
    if not row then
        return refusal == nil and {} or nil, refusal
    end
    return nearby_in_category(query, row.id, limit)
end

--- When the index is behind, or somebody around has no text yet.
local function nearby_in_turn(lat, lng, radius_km, limit)
    local is_admitted, problem = admit(false)
    if not is_admitted or not geo.is_loaded() then
        return nil, problem
    end
    local answer, missing = geo.cards_near(lat, lng, radius_km, limit, ACTIVE, math.huge)
    if answer then
        return answer
    end
    local is_read, refusal = geo.cards_read("geo/cards", missing)
    if not is_read then
        return nil, refusal
    end
    return (geo.cards_near(lat, lng, radius_km, limit, ACTIVE, true))
end

--- The same without a category as a whole answer, vendors with their distanceKm, from memory: to be
--- returned at once (core.geo.cards_near); nil where there is no index; or nil, err.
function geo_feed.nearby_answer(lat, lng, radius_km, limit)
    local answer = geo.cards_near(lat, lng, radius_km, limit, ACTIVE, state.geo_epoch)
    if answer then
        return answer
    end
    return nearby_in_turn(lat, lng, radius_km, limit)
end

return geo_feed
