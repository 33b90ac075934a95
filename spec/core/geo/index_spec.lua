-- The index against reading every vendor. The reference measures with the sine formula, orders by
-- distance and id; distances nearer to each other than TIE_M are one place seen through roundings.
local geo = require("core.geo")
local json = require("core.json")
local sleep = require("core.sleep")

local EARTH_RADIUS_M = 6371008.8
local TIE_M = 1e-5
local RADIANS = math.pi / 180
local ACTIVE = 1

local function haversine_m(a, b)
    local lat = math.sin((b.lat - a.lat) * RADIANS / 2)
    local lng = math.sin((b.lng - a.lng) * RADIANS / 2)
    local h = lat * lat + math.cos(a.lat * RADIANS) * math.cos(b.lat * RADIANS) * lng * lng
    return 2 * EARTH_RADIUS_M * math.asin(math.min(1, math.sqrt(h)))
end

local clear = geo.clear

local function id_of(number)
    -- Times go up, random parts do not: as our own ids do, and so that ids do not follow places.
    return ("01900000-%04x-7000-8000-%012x"):format(
        math.floor(number / 7) % 65536,
        number * 40503 % 281474976710656
    )
end

--- The bits of a mask, as numbers.
local function bits_of(mask)
    local bits, bit = {}, 1
    while bit <= mask do
        if mask % (bit * 2) >= bit then
            bits[#bits + 1] = bit
        end
        bit = bit * 2
    end
    return bits
end

local function has_bits(mask, bits)
    for i = 1, #bits do
        if mask % (bits[i] * 2) < bits[i] then
            return false
        end
    end
    return true
end

local function has_one(mask, bits)
    for i = 1, #bits do
        if mask % (bits[i] * 2) >= bits[i] then
            return true
        end
    end
    return #bits == 0
end

local centers = {
    { lat = 12.97, lng = 77.59 },
    { lat = 51.5, lng = -0.12 },
    { lat = -17, lng = 179.99 },
    { lat = 66, lng = -179.999 },
    { lat = 0, lng = 0 },
    { lat = 89.99, lng = 45 },
    { lat = -89.999, lng = -135 },
    { lat = -33.9, lng = 151.2 },
}

local function random_place()
    local draw = math.random()
    if draw < 0.05 then
        return { lat = math.random() < 0.5 and 90 or -90, lng = math.random() * 360 - 180 }
    elseif draw < 0.10 then
        return { lat = math.random() * 170 - 85, lng = math.random() < 0.5 and 180 or -180 }
    elseif draw < 0.20 then
        return { lat = math.asin(2 * math.random() - 1) / RADIANS, lng = math.random() * 720 - 360 }
    end
    local center = centers[math.random(#centers)]
    if draw < 0.35 then
        return { lat = center.lat, lng = center.lng }
    end
    local spread = 10 ^ (math.random() * 4 - 4)
    local lat = center.lat + (math.random() - 0.5) * spread
    return {
        lat = math.max(-90, math.min(90, lat)),
        lng = center.lng + (math.random() - 0.5) * spread,
    }
end

local function random_mask()
    local mask = math.random() < 0.9 and ACTIVE or 0
    for _ = 1, 2 do
        local bit = 2 ^ math.random(1, 51)
        mask = has_bits(mask, { bit }) and mask or mask + bit
    end
    return math.random() < 0.5 and not has_bits(mask, { 2 }) and mask + 2 or mask
end

--- A market: vendors by number, each {id, lat, lng, mask}, in the index too.
local function fill(count)
    local vendors = {}
    clear()
    for number = 1, count do
        local vendor = random_place()
        vendor.id = id_of(number)
        vendor.mask = random_mask()
        vendors[number] = vendor
        geo.put(vendor.id, vendor.lat, vendor.lng, vendor.mask)
    end
    return vendors
end

local function comes_before(a, b)
    if math.abs(a.distance_m - b.distance_m) > TIE_M then
        return a.distance_m < b.distance_m
    end
    return a.id < b.id
end

--- What the query must give, nearest first, as far as reach_m.
local function expected(vendors, query, reach_m)
    local found, bits = {}, bits_of(query.mask or 0)
    local any = bits_of(query.any_mask or 0)
    local radius_m = math.min((query.radius_km or math.huge) * 1000, reach_m or math.huge)
    for _, vendor in pairs(vendors) do
        if has_bits(vendor.mask, bits) and has_one(vendor.mask, any) then
            local distance_m = haversine_m(query, vendor)
            if distance_m <= radius_m then
                found[#found + 1] = { id = vendor.id, distance_m = distance_m, mask = vendor.mask }
            end
        end
    end
    table.sort(found, comes_before)
    return found
end

local function check_hit(place, hit, want)
    if hit.id ~= want.id or hit.mask ~= want.mask then
        error(("place %d: %s at %.9f m, not %s at %.9f m"):format(
            place, hit.id, hit.distance_m, want.id, want.distance_m))
    end
    -- Near the antipode both formulas lose digits.
    local tolerance_m = want.distance_m > 19e6 and 0.02 or 1e-6
    if math.abs(hit.distance_m - want.distance_m) > tolerance_m then
        error(("place %d: %.9f m, not %.9f m"):format(place, hit.distance_m, want.distance_m))
    end
end

--- A full answer is compared with all that is as near as its last hit, one that is not with all.
local function check(vendors, query)
    query.masks = true
    local hits = geo.near(query)
    local is_full = #hits == query.limit
    local wanted = expected(vendors, query, is_full and hits[#hits].distance_m + 0.1 or nil)
    if #wanted < #hits or (not is_full and #wanted > #hits) then
        error(("%d hits, %d wanted"):format(#hits, #wanted))
    end
    for place, hit in ipairs(hits) do
        check_hit(place, hit, wanted[place])
    end
    return #hits
end

local function random_query()
    local query = random_place()
    query.limit = math.random() < 0.1 and math.random(50, 150) or math.random(1, 25)
    if math.random() < 0.5 then
        query.radius_km = 10 ^ (math.random() * 5 - 1)
    end
    local draw = math.random()
    if draw < 0.3 then
        query.mask = ACTIVE
    elseif draw < 0.5 then
        query.mask = ACTIVE + 2
    elseif draw < 0.7 then
        query.mask = ACTIVE + 2 ^ math.random(1, 51)
    elseif draw < 0.8 then
        query.any_mask = 2 ^ math.random(2, 20) + 2 ^ math.random(21, 51)
    end
    return query
end

describe("core.geo.near", function()
    before_each(function()
        math.randomseed(20261123)
        clear()
    end)
    after_each(clear)

    it("equals brute force in ids and order on 3000 queries", function()
        local vendors = fill(800)
        local hits = 0
        for _ = 1, 3000 do
            hits = hits + check(vendors, random_query())
        end
        assert.is_true(hits > 20000)
    end)

    it("equals brute force through 1500 rounds of joins, moves, changes and departures", function()
        local vendors = fill(700)
        local alive = 700
        for _ = 1, 1500 do
            for _ = 1, 3 do
                local number = math.random(1000)
                local vendor = vendors[number]
                local draw = math.random()
                if vendor and draw < 0.3 then
                    geo.remove(vendor.id)
                    vendors[number] = nil
                    alive = alive - 1
                elseif vendor and draw < 0.45 then
                    vendor.mask = random_mask()
                    geo.put(vendor.id, vendor.lat, vendor.lng, vendor.mask)
                elseif draw < 0.6 then
                    local marked = vendor or {}
                    marked.mask = random_mask()
                    assert.equal(vendor ~= nil, geo.mark(id_of(number), marked.mask))
                else
                    local moved = random_place()
                    moved.id = id_of(number)
                    moved.mask = random_mask()
                    alive = vendor and alive or alive + 1
                    vendors[number] = moved
                    geo.put(moved.id, moved.lat, moved.lng, moved.mask)
                end
            end
            assert.equal(alive, geo.count())
            check(vendors, random_query())
        end
    end)

    it("equals brute force when it holds several packed trees and a rest", function()
        local vendors = fill(4000)
        geo.near({ lat = 0, lng = 0 })
        for number = 4001, 4700 do
            local vendor = random_place()
            vendor.id, vendor.mask = id_of(number), ACTIVE
            vendors[number] = vendor
            geo.put(vendor.id, vendor.lat, vendor.lng, vendor.mask)
            if number == 4600 then
                geo.near({ lat = 0, lng = 0 })
            end
        end
        for number = 1, 4700, 3 do
            vendors[number].lat = -vendors[number].lat
            geo.put(vendors[number].id, vendors[number].lat, vendors[number].lng, 1)
            vendors[number].mask = 1
        end
        for _ = 1, 60 do
            check(vendors, random_query())
        end
    end)

    it("equals brute force while a packing runs beside it, and after", function()
        local count = 6000
        local vendors = fill(count)
        local was_packing, number = 0, 0
        for _ = 1, 40 do
            for _ = 1, 300 do
                number = number % count + 1
                local moved = random_place()
                moved.id, moved.mask = vendors[number].id, vendors[number].mask
                vendors[number] = moved
                geo.put(moved.id, moved.lat, moved.lng, moved.mask)
                local other = vendors[math.random(count)]
                other.mask = random_mask()
                geo.put(other.id, other.lat, other.lng, other.mask)
                other = vendors[math.random(count)]
                other.mask = random_mask()
                assert.is_true(geo.mark(other.id, other.mask))
            end
            was_packing = was_packing + (geo.stats().is_packing and 1 or 0)
            check(vendors, random_query())
            sleep(1)
        end
        while geo.stats().is_packing do
            sleep(1)
        end
        assert.equal(count, geo.count())
        assert.is_true(was_packing > 0, "nothing was packed beside the searches")
        for _ = 1, 20 do
            check(vendors, random_query())
        end
    end)

    it("gives the same bits and enters the same boxes in plain C and by AVX2", function()
        finally(function()
            geo.use(nil)
        end)
        fill(6000)
        geo.pack()
        local queries, answers = {}, {}
        assert.is_true(geo.use("generic"))
        for i = 1, 500 do
            queries[i] = random_query()
            answers[i] = { geo.near(queries[i]), geo.work() }
        end
        if not geo.use("avx2") then
            return -- this processor has the plain one only
        end
        for i = 1, 500 do
            assert.same(answers[i], { geo.near(queries[i]), geo.work() })
        end
    end)

    it("knows no kernel of another name", function()
        assert.is_false(geo.use("mmx"))
    end)

    it("gives the first by id of 100000 on one spot, page after page", function()
        local ids = {}
        for number = 1, 100000 do
            ids[number] = id_of(number)
            geo.put(ids[number], 12.5, 77.5, ACTIVE)
        end
        geo.pack()
        table.sort(ids)
        local query = { lat = 12.6, lng = 77.5, limit = 20 }
        for page = 0, 2 do
            local hits = geo.near(query)
            for i, hit in ipairs(hits) do
                assert.equal(ids[page * 20 + i], hit.id)
            end
            query.after_distance_m, query.after_id = hits[20].distance_m, hits[20].id
        end
    end)

    it("is told as JSON, too: whole metres in kilometres", function()
        geo.put(id_of(1), 0, 0.00001, ACTIVE)
        geo.put(id_of(2), 0, 1, ACTIVE)
        geo.put(id_of(3), 0, 10.0000001, ACTIVE)
        geo.put(id_of(4), 0, 0.09, ACTIVE)
        local text, count = geo.near_json({ lat = 0, lng = 0, limit = 4 })
        assert.equal(4, count)
        local list = json.decode(text)
        for i, hit in ipairs(geo.near({ lat = 0, lng = 0, limit = 4 })) do
            assert.equal(hit.id, list[i].id)
            assert.equal(math.floor(hit.distance_m + 0.5) / 1000, list[i].distanceKm)
        end
        assert.equal("[]", (geo.near_json({ lat = 0, lng = 0, mask = 2 ^ 40 })))
    end)

    it("reports the very distance that distance_m gives", function()
        local vendors = fill(300)
        local by_id = {}
        for _, vendor in ipairs(vendors) do
            by_id[vendor.id] = vendor
        end
        for _ = 1, 50 do
            local at = random_place()
            for _, hit in ipairs(geo.near({ lat = at.lat, lng = at.lng, limit = 50 })) do
                local vendor = by_id[hit.id]
                assert.equal(geo.distance_m(at.lat, at.lng, vendor.lat, vendor.lng), hit.distance_m)
            end
        end
    end)

    it("breaks ties by id", function()
        for _, number in ipairs({ 5, 3, 9, 1, 7 }) do
            geo.put(id_of(number), 10, 20, ACTIVE)
        end
        local wanted = { id_of(1), id_of(3), id_of(5), id_of(7), id_of(9) }
        table.sort(wanted)
        local ids = {}
        for i, hit in ipairs(geo.near({ lat = 10.5, lng = 20, limit = 3 })) do
            ids[i] = hit.id
        end
        assert.same({ wanted[1], wanted[2], wanted[3] }, ids)
    end)

    it("sees over the antimeridian and over the poles", function()
        geo.put(id_of(1), -17, 179.999, ACTIVE)
        geo.put(id_of(2), -17, -179.999, ACTIVE)
        geo.put(id_of(3), 89.9, 0, ACTIVE)
        geo.put(id_of(4), 89.9, 180, ACTIVE)
        assert.equal(2, #geo.near({ lat = -17, lng = 180, radius_km = 1 }))
        assert.equal(2, #geo.near({ lat = 90, lng = 12, radius_km = 12 }))
        local over = geo.near({ lat = 89.95, lng = 180, limit = 2, radius_km = 100 })
        assert.near(0.15 * 111195.08, over[2].distance_m, 1)
    end)

    it("lets the edge belong to the circle", function()
        geo.put(id_of(1), 0, 1, ACTIVE)
        local edge_km = geo.distance_m(0, 0, 0, 1) / 1000
        assert.equal(1, #geo.near({ lat = 0, lng = 0, radius_km = edge_km * (1 + 1e-15) }))
        assert.equal(0, #geo.near({ lat = 0, lng = 0, radius_km = edge_km * (1 - 1e-14) }))
    end)

    it("finds what lies on the very point with a radius of 0", function()
        geo.put(id_of(1), 48.5, 11.25, ACTIVE)
        geo.put(id_of(2), 48.5, 11.250001, ACTIVE)
        local hits = geo.near({ lat = 48.5, lng = 11.25, radius_km = 0 })
        assert.equal(1, #hits)
        assert.equal(0, hits[1].distance_m)
    end)

    it("means everywhere by a radius of half the circumference or more", function()
        fill(100)
        for _, radius_km in ipairs({ 20015.2, 20038, 1e9, math.huge }) do
            local hits = geo.near({ lat = 33, lng = 44, radius_km = radius_km, limit = 1000 })
            assert.equal(100, #hits)
        end
    end)

    it("finds nobody in an empty index", function()
        assert.same({}, geo.near({ lat = 0, lng = 0 }))
        assert.equal(0, geo.count())
    end)

    it("forgets whom it is told to, and does not mind being told twice", function()
        geo.put(id_of(1), 1, 1, ACTIVE)
        geo.remove(id_of(1))
        geo.remove(id_of(1))
        assert.equal(0, geo.count())
        assert.same({}, geo.near({ lat = 1, lng = 1 }))
    end)

    it("finds someone who moved at the new place only", function()
        fill(600)
        geo.near({ lat = 0, lng = 0 })
        geo.put(id_of(1), 40.1, 40.1, ACTIVE)
        geo.put(id_of(1), -40.1, -40.1, ACTIVE)
        assert.same({}, geo.near({ lat = 40.1, lng = 40.1, radius_km = 0.001 }))
        local hits = geo.near({ lat = -40.1, lng = -40.1, radius_km = 0.001 })
        assert.equal(id_of(1), hits[1].id)
        assert.equal(600, geo.count())
    end)

    it("shows a bit that was set after packing", function()
        fill(600)
        geo.near({ lat = 0, lng = 0 })
        local rare = 2 ^ 52
        assert.same({}, geo.near({ lat = 5, lng = 5, mask = rare }))
        geo.put(id_of(1), 40.1, 40.1, ACTIVE)
        geo.near({ lat = 0, lng = 0 })
        geo.put(id_of(1), 40.1, 40.1, ACTIVE + rare)
        local hits = geo.near({ lat = 5, lng = 5, mask = rare })
        assert.equal(id_of(1), hits[1].id)
        geo.put(id_of(1), 40.1, 40.1, ACTIVE)
        assert.same({}, geo.near({ lat = 5, lng = 5, mask = rare }))
    end)
end)

describe("paging through core.geo.near", function()
    before_each(function()
        math.randomseed(7)
    end)
    after_each(clear)

    it("gives every vendor once, in order, whatever the size of the page", function()
        local vendors = fill(900)
        for _ = 1, 30 do
            local query = random_query()
            local wanted = expected(vendors, query)
            local seen = 0
            repeat
                local hits = geo.near(query)
                for _, hit in ipairs(hits) do
                    seen = seen + 1
                    assert.equal(wanted[seen].id, hit.id)
                    query.after_distance_m, query.after_id = hit.distance_m, hit.id
                end
            until #hits < query.limit
            assert.equal(#wanted, seen)
        end
    end)

    it("goes on within a heap of ties", function()
        clear()
        for number = 1, 57 do
            geo.put(id_of(number), 22.5, 88.3, ACTIVE)
        end
        local query = { lat = 0, lng = 0, limit = 10 }
        local seen, count = {}, 0
        repeat
            local hits = geo.near(query)
            for _, hit in ipairs(hits) do
                assert.is_nil(seen[hit.id])
                seen[hit.id], count = true, count + 1
                query.after_distance_m, query.after_id = hit.distance_m, hit.id
            end
        until #hits == 0
        assert.equal(57, count)
    end)

    it("loses nobody where neighbours' distances differ by one rounding", function()
        clear()
        for number = 1, 300 do
            geo.put(id_of(number), 45 + number * 1e-15, 7 + number % 3 * 1e-15, ACTIVE)
        end
        local query = { lat = -12, lng = 100, limit = 7 }
        local count = 0
        repeat
            local hits = geo.near(query)
            for _, hit in ipairs(hits) do
                count = count + 1
                query.after_distance_m, query.after_id = hit.distance_m, hit.id
            end
        until #hits == 0
        assert.equal(300, count)
    end)
end)

describe("the memory of the index", function()
    after_each(clear)

    it("is 44 bytes a point at most with the locator, and 16 for the id", function()
        fill(100000)
        geo.pack()
        local stats = geo.stats()
        assert.equal(100000, stats.count)
        assert.is_true(stats.tree_bytes / stats.count <= 44,
            ("%.1f bytes a point"):format(stats.tree_bytes / stats.count))
        assert.equal(16, stats.id_bytes / stats.count)
    end)
end)

describe("the work of a search", function()
    after_each(clear)

    it("is 14 nodes and leaves at most among 30000, the root alone when nobody passes", function()
        math.randomseed(11)
        clear()
        for number = 1, 30000 do
            geo.put(id_of(number), math.asin(2 * math.random() - 1) / RADIANS,
                math.random() * 360, ACTIVE)
        end
        geo.pack()
        local touched = 0
        for _ = 1, 400 do
            geo.near({ lat = math.asin(2 * math.random() - 1) / RADIANS, lng = math.random() * 360,
                limit = 20, mask = ACTIVE })
            local nodes, leaves = geo.work()
            touched = touched + nodes + leaves
        end
        assert.is_true(touched / 400 <= 14, ("touched %.1f"):format(touched / 400))
        geo.near({ lat = 1, lng = 1, mask = 2 ^ 40 })
        local nodes, leaves = geo.work()
        assert.same({ 1, 0 }, { nodes, leaves })
    end)
end)

describe("the arguments of core.geo", function()
    local nan = 0 / 0
    local refused = {
        { "a latitude above 90", { lat = 90.1, lng = 0 } },
        { "a latitude that is no number", { lat = nan, lng = 0 } },
        { "no longitude", { lat = 0 } },
        { "an infinite longitude", { lat = 0, lng = -math.huge } },
        { "a negative radius", { lat = 0, lng = 0, radius_km = -1 } },
        { "a radius that is no number", { lat = 0, lng = 0, radius_km = nan } },
        { "a limit of 0", { lat = 0, lng = 0, limit = 0 } },
        { "a limit above 1000", { lat = 0, lng = 0, limit = 1001 } },
        { "a limit that is not whole", { lat = 0, lng = 0, limit = 2.5 } },
        { "a negative mask", { lat = 0, lng = 0, mask = -1 } },
        { "a mask of 54 bits", { lat = 0, lng = 0, mask = 2 ^ 53 } },
        { "a mask that is not whole", { lat = 0, lng = 0, mask = 0.5 } },
        { "a cursor without an id", { lat = 0, lng = 0, after_distance_m = 5 } },
        { "a negative cursor", { lat = 0, lng = 0, after_distance_m = -5, after_id = id_of(1) } },
        { "a cursor that is no number", { lat = 0, lng = 0, after_distance_m = nan,
            after_id = id_of(1) } },
    }
    for _, case in ipairs(refused) do
        local name, query = unpack(case)
        it("near refuses " .. name, function()
            assert.has_error(function()
                geo.near(query)
            end)
        end)
    end

    it("put refuses what is not a UUID, a place or a mask", function()
        local bad = {
            { "not-a-uuid", 0, 0, 1 },
            { "", 0, 0, 1 },
            { id_of(1) .. "0", 0, 0, 1 },
            { id_of(1), 91, 0, 1 },
            { id_of(1), 0, nan, 1 },
            { id_of(1), 0, 0, -1 },
            { id_of(1), 0, 0 },
        }
        for _, args in ipairs(bad) do
            assert.has_error(function()
                geo.put(unpack(args, 1, 4))
            end)
        end
        assert.equal(0, geo.count())
    end)

    it("an id is the same in capitals", function()
        geo.put("0190ABCD-0000-7000-8000-00000000000F", 1, 1, ACTIVE)
        geo.put("0190abcd-0000-7000-8000-00000000000f", 2, 2, ACTIVE)
        assert.equal(1, geo.count())
        assert.equal("0190abcd-0000-7000-8000-00000000000f", geo.near({ lat = 0, lng = 0 })[1].id)
        geo.remove("0190ABCD-0000-7000-8000-00000000000f")
        assert.equal(0, geo.count())
    end)
end)
