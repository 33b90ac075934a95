--- What a plugin.lua returns, checked before anything of it is used. A problem is told in words
--- that name the field; the loader adds the file.
local schema = require("souk.schema")

local manifest = {}

local API = 1
local NAME = "^%l[%l%d_]*$"
local DEADLINE_MAX_MS = 5000
local RETRIES_MAX = 100
local EVERY_MIN_MS = 1000

--- routes.handler(req): req is {user = {id, role, email, name, buyer_id, vendor_id}, params,
--- query, body, given, raw, id, peer, method, path}, with req:header(name). A table is a 200;
--- souk.web makes other answers; nil, err refuses. Example:
--- local function handler(req)
---     local row, problem = db.one("wish/remove", req.user.buyer_id, req.params.productId)
---     if not row then
---         return nil, problem or err.not_found()
---     end
---     return web.no_content()
--- end
--- local who = { buyer_id = crypto.uuid7() }
--- assert(select(2, handler({ user = who, params = { productId = who.buyer_id } })).status == 404)

--- on.run(event): event is {id, type, data, createdAt, key}, and a transaction is open.
--- nil, problem has it come again; anything else ends it. Example:
--- local function run(event)
---     return db.exec("wish/fulfil", event.data.orderId)
--- end
--- assert(run({
---     id = 1, type = "order.confirmed", createdAt = time.rfc3339(),
---     key = "event:1:wishlist", data = { orderId = crypto.uuid7() },
--- }))

--- hooks.run(value): value is a copy of what the point tells (README.md). A table is the answer,
--- nil changes nothing, nil and a message refuse. Example:
--- local function run(cart)
---     if cart.subtotal < 1000 then
---         return nil, "orders begin at 10.00"
---     end
---     local off = money.bps(cart.subtotal, 500)
---     return { discounts = { { name = "5 %", amount = off, bearer = "PLATFORM" } } }
--- end
--- assert(run({ subtotal = 2000 }).discounts[1].amount == 100)

--- timers.run(): one turn, of one worker in all nodes; no transaction is open. Example:
--- local function run()
---     return db.exec("wish/fulfil", crypto.uuid7())
--- end
--- assert(run())

local KNOWN = {
    name = "string", version = "string", api = "number", title = "string", settings = "table",
    static = "boolean", needs = "table",
    routes = "table", on = "table", hooks = "table", timers = "table",
}

manifest.POINTS = {
    ["checkout.price"] = true, ["checkout.check"] = true, ["order.created"] = true,
    ["order.closed"] = true, ["review.check"] = true, ["product.check"] = true,
}
manifest.TABLES = {
    products = true, product_stock = true, categories = true, vendors = true, orders = true,
    order_items = true, vendor_orders = true, reviews = true,
}

--- The points of hooks, sorted.
function manifest.point_names()
    local names = {}
    for point in pairs(manifest.POINTS) do
        names[#names + 1] = point
    end
    table.sort(names)
    return names
end

local WHOLE_NEEDS = { db = true, fetch = true, timers = true, events = true }

--- Needs of the form kind:what.
local KINDS = {
    ["db:read"] = function(what)
        return manifest.TABLES[what]
    end,
    hook = function(what)
        return manifest.POINTS[what]
    end,
    event = function(what)
        return what:find("^%l[%l%d_]*%.[%l%d_.]+$")
    end,
}

local function wrong_need(need)
    local kind, what = tostring(need):match("^([%l:]+):([%w_.]+)$")
    if WHOLE_NEEDS[need] or (KINDS[kind] and KINDS[kind](what)) then
        return nil
    end
    return ("needs: '%s' is none of db, db:read:TABLE, event:TYPE, events, hook:POINT, fetch, "
        .. "timers"):format(tostring(need))
end

local function wrong_fields(made)
    for key, value in pairs(made) do
        if not KNOWN[key] then
            return "unknown key '" .. tostring(key) .. "'"
        elseif type(value) ~= KNOWN[key] then
            return ("%s must be a %s"):format(key, KNOWN[key])
        end
    end
    for _, key in ipairs({ "name", "version", "api" }) do
        if made[key] == nil then
            return key .. " is needed"
        end
    end
    return nil
end

local function has(made, ...)
    for _, need in ipairs(made.needs) do
        for _, wanted in ipairs({ ... }) do
            if need == wanted then
                return true
            end
        end
    end
    return false
end

--- A handler given alone, or as {run = f, …}.
local function as_table(value)
    return type(value) == "function" and { run = value } or value
end

local function is_whole(value, least, most)
    return type(value) == "number" and value % 1 == 0 and value >= least and value <= most
end

local function wrong_event(made, event, handler)
    if type(handler) ~= "table" or type(handler.run) ~= "function" then
        return ("on['%s'] must be a function, or a table with run"):format(tostring(event))
    elseif handler.retries ~= nil and not is_whole(handler.retries, 0, RETRIES_MAX) then
        return ("on['%s'].retries must be 0 to %d"):format(event, RETRIES_MAX)
    elseif not has(made, "event:" .. tostring(event), "events") then
        return ("on['%s'] needs 'event:%s'"):format(event, event)
    end
    return nil
end

local function wrong_hook(made, point, hook)
    if not manifest.POINTS[point] then
        return "hooks: there is no point '" .. tostring(point) .. "'"
    elseif type(hook) ~= "table" or type(hook.run) ~= "function" then
        return ("hooks['%s'] must be a function, or a table with run"):format(point)
    elseif hook.deadline_ms ~= nil and not is_whole(hook.deadline_ms, 1, DEADLINE_MAX_MS) then
        return ("hooks['%s'].deadline_ms must be 1 to %d"):format(point, DEADLINE_MAX_MS)
    elseif not has(made, "hook:" .. point) then
        return ("hooks['%s'] needs 'hook:%s'"):format(point, point)
    end
    return nil
end

local function wrong_timer(made, timer)
    if type(timer) ~= "table" or type(timer.name) ~= "string" or type(timer.run) ~= "function" then
        return "timers: each has name, every_ms and run"
    elseif not is_whole(timer.every_ms, EVERY_MIN_MS, 86400000) then
        return ("timers: every_ms of %s must be %d to a day"):format(timer.name, EVERY_MIN_MS)
    elseif not has(made, "timers") then
        return "timers need 'timers'"
    end
    return nil
end

local function is_own_id(name, id)
    return id == nil or (type(id) == "string" and id:sub(1, #name + 1) == name .. ".")
end

local function wrong_route(made, route)
    local prefix = "/api/plugins/" .. made.name
    local is_route = type(route) == "table" and type(route.handler) == "function"
    if not is_route then
        return "routes: each has method, path and handler"
    elseif type(route.path) ~= "string"
        or (route.path ~= prefix and route.path:sub(1, #prefix + 1) ~= prefix .. "/") then
        return ("routes: the path of %s must begin with %s/"):format(
            tostring(route.id or route.path), prefix)
    elseif not is_own_id(made.name, route.id) then
        return ("routes: the id of %s must begin with '%s.'"):format(route.path, made.name)
    elseif not ({ GET = true, POST = true, PUT = true, PATCH = true, DELETE = true })[route.method]
    then
        return "routes: method must be GET, POST, PUT, PATCH or DELETE"
    end
    return nil
end

local function wrong_parts(made)
    for _, need in ipairs(made.needs) do
        local problem = wrong_need(need)
        if problem then
            return problem
        end
    end
    for event, handler in pairs(made.on) do
        made.on[event] = as_table(handler)
        local problem = wrong_event(made, event, made.on[event])
        if problem then
            return problem
        end
    end
    for point, hook in pairs(made.hooks) do
        made.hooks[point] = as_table(hook)
        local problem = wrong_hook(made, point, made.hooks[point])
        if problem then
            return problem
        end
    end
    return nil
end

local function wrong_lists(made)
    for _, timer in ipairs(made.timers) do
        local problem = wrong_timer(made, timer)
        if problem then
            return problem
        end
    end
    for _, route in ipairs(made.routes) do
        local problem = wrong_route(made, route)
        if problem then
            return problem
        end
    end
    return nil
end

local function wrong_identity(folder, made)
    if made.name ~= folder or not made.name:find(NAME) then
        return ("name must be '%s', as its folder is called"):format(folder)
    elseif made.api ~= API then
        return ("api must be %d: this souk knows no other"):format(API)
    end
    return nil
end

--- The manifest with its defaults filled in; or nil and what is wrong. folder: the name it must
--- have.
function manifest.check(folder, made)
    if type(made) ~= "table" then
        return nil, "it must return a table"
    end
    local problem = wrong_fields(made) or wrong_identity(folder, made)
    if problem then
        return nil, problem
    end
    made.settings = made.settings or schema.object({})
    for _, key in ipairs({ "needs", "routes", "on", "hooks", "timers" }) do
        made[key] = made[key] or {}
    end
    problem = wrong_parts(made) or wrong_lists(made)
    if problem then
        return nil, problem
    end
    return made
end

--- The first need that was not granted; nil when all were.
function manifest.missing(made, granted)
    local is_granted = {}
    for _, word in ipairs(granted) do
        is_granted[word] = true
    end
    for _, need in ipairs(made.needs) do
        if not is_granted[need] then
            return need
        end
    end
    return nil
end

return manifest
