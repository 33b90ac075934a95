--- Policies that change while the marketplace runs: what decides, what else there is, what it would
--- do, and the switch.
local json = require("core.json")
local db = require("souk.db")
local err = require("souk.err")
local page = require("souk.page")
local s = require("souk.schema")
local time = require("souk.time")
local web = require("souk.web")
local core_policy = require("core.policy")
local fee_explanation = require("flows.fee_explanation")
local policies = require("flows.policies")
local policy_activation = require("flows.policy_activation")
local policy_simulation = require("flows.policy_simulation")

local TAGS = { "admin policies" }
local ROLES = { "ADMIN" }
local BASE = "/api/admin/policies"

local name_type = s.string({ min = 1, max = 60, example = "fee" })
local count = s.integer({ min = 0 })

local version_fields = {
    name = name_type,
    version = s.integer({ min = 1, example = 7 }),
    hash = s.string({ example = ("3f"):rep(32) }),
    state = s.enum({ "DRAFT", "VALIDATED", "ACTIVE", "RETIRED" }),
    note = s.string(),
    author = s.nullable(s.string({ example = "admin@example.com" })),
    createdAt = s.time(),
    activatedAt = s.nullable(s.time()),
    activatesAt = s.nullable(s.time()),
    percent = s.nullable(s.integer({ min = 1, max = 100 })),
}
local told = s.extend(s.object(version_fields), { origin = s.enum({ "DISK", "API", "COMMAND" }) })
local version = s.define("PolicyVersion", told)
local whole = s.define("PolicyVersionDetail", s.extend(told, { source = s.string() }))

local share = {
    orders = count, oldFee = s.signed_money(), newFee = s.signed_money(),
    difference = s.signed_money(),
}
local simulation = s.define("PolicySimulation", s.object({
    id = s.uuid(), policy = name_type, version = s.integer({ min = 1 }),
    status = s.enum({ "PENDING", "RUNNING", "DONE", "FAILED", "STOPPED" }),
    shadow = s.boolean(), since = s.time(),
    progress = s.integer({ min = 0, max = 100 }),
    orders = count, changed = count, moved = count, errors = count,
    oldFee = s.signed_money(), newFee = s.signed_money(), difference = s.signed_money(),
    byVendor = s.array(s.extend(s.object(share), { vendorId = s.uuid() })),
    byCategory = s.array(s.extend(s.object(share), { category = s.string() })),
    errorSample = s.array(s.object({ vendorOrderId = s.uuid(), message = s.string() })),
    failureMessage = s.nullable(s.string()),
    createdAt = s.time(), finishedAt = s.nullable(s.time()),
}))

local function check_name(name)
    for _, known in ipairs(core_policy.names()) do
        if known == name then
            return true
        end
    end
    return nil, err.not_found()
end

local function get_version(name, number)
    local text, problem = db.row_json("policy/version", name, number, json.null)
    if not text then
        return nil, problem or err.not_found()
    end
    return web.json(text)
end

--- The version that a path names; or nil, err.
local function version_of(req)
    return policies.version(req.params.name, req.params.version)
end

web.get(BASE, {
    id = "admin_policies.list", summary = "The policies, and which version of each decides",
    tags = TAGS, roles = ROLES,
    answers = { [200] = s.object({
        data = s.array(s.extend(s.object(version_fields), { versions = count })),
    }) },
}, function()
    for _, name in ipairs(core_policy.names()) do
        local is_synced, problem = policies.sync(name)
        if not is_synced then
            return nil, problem
        end
    end
    local text, problem = db.json("policy/list")
    if not text then
        return nil, problem
    end
    return { data = web.json(text) }
end)

web.get(BASE .. "/{name}/versions", {
    id = "admin_policies.versions", summary = "The versions of a policy, newest first",
    tags = TAGS, roles = ROLES,
    params = { name = name_type },
    query = page.query(),
    answers = { [200] = page.of(version) },
    errors = { "not_found", "bad_cursor", "offset_too_deep" },
}, function(req)
    local is_known, refusal = check_name(req.params.name)
    if not is_known then
        return nil, refusal
    end
    return page.list(req, {
        query = "policy/versions", total = "policy/count", args = page.args(req.params.name),
        cursor = { "version" },
    })
end)

web.get(BASE .. "/{name}/versions/{version}", {
    id = "admin_policies.version", summary = "A version with its text", tags = TAGS, roles = ROLES,
    params = { name = name_type, version = s.integer({ min = 1, max = 2147483647 }) },
    answers = { [200] = whole },
    errors = { "not_found" },
}, function(req)
    return get_version(req.params.name, req.params.version)
end)

web.post(BASE .. "/{name}/versions", {
    id = "admin_policies.add", summary = "Keep a text as a version, when its examples hold",
    description = "422 says file, line and reason. The same text again is the version it was.",
    tags = TAGS, roles = ROLES, idempotent = "transaction",
    params = { name = name_type },
    body = s.object({
        source = s.string({ min = 1, max = 65536 }),
        note = s.optional(s.string({ max = 500 }), ""),
    }),
    answers = { [200] = whole, [201] = whole },
    errors = { "not_found" },
    example = { note = "gold vendors pay 7 %", source = 'return {\n  kind = "fee",\n  '
        .. "evaluate = function(o) return { fee = money.bps(o.subtotal, 700) } end,\n  "
        .. 'examples = { { given = { subtotal = 100 }, expect = { fee = 7 } } },\n}' },
}, function(req)
    local name = req.params.name
    local is_known, refusal = check_name(name)
    if not is_known then
        return nil, refusal
    end
    local row, problem = policies.add(name, {
        source = req.body.source, note = req.body.note, author = req.user.id, origin = "API",
    })
    if not row then
        return nil, problem
    end
    local view, failure = get_version(name, row.version)
    if not view then
        return nil, failure
    elseif not row.is_new then
        return view
    end
    return web.created(("%s/%s/versions/%d"):format(BASE, name, row.version), view)
end)

web.post(BASE .. "/{name}/versions/{version}/simulate", {
    id = "admin_policies.simulate", summary = "Price real orders again by a version",
    description = "Over the past since a day (30 days by default); with shadow, over the orders "
        .. "to come, beside the active version, until it is stopped.",
    tags = TAGS, roles = ROLES,
    params = { name = name_type, version = s.integer({ min = 1, max = 2147483647 }) },
    body = s.object({
        since = s.optional(s.string({ format = "date-time" })),
        limit = s.optional(s.integer({ min = 1, max = 10000000 })),
        shadow = s.optional(s.boolean(), false),
    }),
    answers = { [202] = s.object({
        id = s.uuid(), status = s.string({ example = "PENDING" }), progress = count,
    }) },
    errors = { "not_found", "conflict" },
    example = { since = "2026-10-01T00:00:00.000Z" },
}, function(req)
    local row, problem = version_of(req)
    if not row then
        return nil, problem
    elseif req.params.name ~= "fee" then
        return nil, err.conflict("only the fee policy has stored inputs to be run on")
    end
    local since = req.body.since or time.rfc3339(time.now_ms() - 30 * 86400 * 1000)
    local id, failure = policy_simulation.add(row.id, {
        since = req.body.shadow and time.rfc3339() or since, limit = req.body.limit,
        is_shadow = req.body.shadow, actor = req.user.id,
    })
    if not id then
        return nil, failure
    end
    return web.reply(202, { id = id, status = "PENDING", progress = 0 },
        { Location = "/api/admin/simulations/" .. id })
end)

local function read_simulation(id)
    local row, problem = db.one("policy_simulation/get", id, json.null)
    if not row then
        return nil, problem or err.not_found()
    end
    return policy_simulation.view(row)
end

web.get("/api/admin/simulations/{id}", {
    id = "admin_policies.simulation", summary = "How far a simulation is, and what it has seen",
    tags = TAGS, roles = ROLES,
    params = { id = s.uuid() },
    answers = { [200] = simulation },
    errors = { "not_found" },
}, function(req)
    return read_simulation(req.params.id)
end)

web.post("/api/admin/simulations/{id}/stop", {
    id = "admin_policies.stop", summary = "End a simulation or a shadow", tags = TAGS,
    roles = ROLES,
    params = { id = s.uuid() },
    answers = { [200] = simulation },
    errors = { "not_found" },
}, function(req)
    local is_done, problem = db.exec("policy_simulation/stop", req.params.id)
    if not is_done then
        return nil, problem
    end
    return read_simulation(req.params.id)
end)

web.post(BASE .. "/{name}/versions/{version}/activate", {
    id = "admin_policies.activate", summary = "Let a version decide",
    description = "From now on, or from `at` on; for all buyers, or for `percent` of them. Refused "
        .. "(409 policy_moves_too_much) when it would have moved more of the latest orders than "
        .. "the settings allow, unless forced.",
    tags = TAGS, roles = ROLES, idempotent = "transaction",
    params = { name = name_type, version = s.integer({ min = 1, max = 2147483647 }) },
    body = s.object({
        at = s.optional(s.string({ format = "date-time" })),
        percent = s.optional(s.integer({ min = 1, max = 100 })),
        force = s.optional(s.boolean(), false),
        reason = s.optional(s.string({ max = 500 }), ""),
    }),
    answers = { [200] = whole },
    errors = { "not_found", "policy_moves_too_much" },
    example = { reason = "agreed on 20 November" },
}, function(req)
    local row, problem = version_of(req)
    if not row then
        return nil, problem
    end
    local is_done, refusal = policy_activation.activate(req.params.name, row, {
        at = req.body.at, percent = req.body.percent, force = req.body.force,
        reason = req.body.reason, actor = req.user.id, request_id = req.id,
    })
    if not is_done then
        return nil, refusal
    end
    return get_version(req.params.name, row.version)
end)

web.post(BASE .. "/{name}/rollback", {
    id = "admin_policies.rollback", summary = "Let the version before decide again",
    tags = TAGS, roles = ROLES, idempotent = "transaction",
    params = { name = name_type },
    body = s.optional(s.object({ reason = s.optional(s.string({ max = 500 }), "") })),
    answers = { [200] = whole },
    errors = { "not_found", "conflict" },
    example = { reason = "it was a mistake" },
}, function(req)
    local is_known, refusal = check_name(req.params.name)
    if not is_known then
        return nil, refusal
    end
    local row, problem = policies.rollback(req.params.name, {
        actor = req.user.id, reason = (req.body or {}).reason, request_id = req.id,
    })
    if not row then
        return nil, problem
    end
    return get_version(req.params.name, row.version)
end)

web.get("/api/admin/orders/{id}/fee-explain", {
    id = "admin_policies.explain", summary = "Why an order's fees are what they are",
    description = "Runs the very version that priced the order with the input it was given, and "
        .. "shows the lines that ran with what they saw.",
    tags = TAGS, roles = ROLES,
    params = { id = s.uuid() },
    answers = { [200] = fee_explanation.schema(s) },
    errors = { "not_found" },
}, function(req)
    return fee_explanation.of(req.params.id)
end)
