--- What administrators do with endpoints and their deliveries.
local db = require("souk.db")
local err = require("souk.err")
local fetch = require("souk.fetch")
local log = require("souk.log")
local web = require("souk.web")
local queue = require("webhooks_out.queue")
local signature = require("webhooks_out.signature")

local endpoints = { PATH = "/api/plugins/webhooks_out/endpoints" }

local ENDPOINTS_MAX = 100
local REPLAYED_MAX = 10000
--- For which the secret before a new one goes on signing.
local OVERLAP_S = 86400

--- 204; or what was wrong, which is 404 when nothing was.
local function done(row, problem)
    if not row then
        return nil, problem or err.not_found()
    end
    return web.no_content()
end

--- One endpoint as JSON text; or nil, err.
local function read(id)
    local text, problem = db.json("endpoint/list", id)
    if not text then
        return nil, problem
    elseif text == "[]" then
        return nil, err.not_found()
    end
    return text:sub(2, -2)
end

--- What is wrong with what was sent, as err; nil when nothing is.
local function fault(body)
    if body.url then
        local is_fine, problem = fetch.check(body.url)
        if not is_fine then
            return err.field("url", problem.message)
        end
    end
    for i, word in ipairs(body.events or {}) do
        if word ~= "*" and not word:find("^%l[%l%d_]*%.%*$")
            and not word:find("^%l[%l%d_]*%.[%l%d_.]+$") then
            return err.field("events." .. (i - 1), "a type of event, the first word of one and "
                .. "'.*', or '*'")
        end
    end
    return nil
end

function endpoints.list()
    local text, problem = db.json("endpoint/list", nil)
    if not text then
        return nil, problem
    end
    return { data = web.json(text) }
end

function endpoints.get(req)
    local text, problem = read(req.params.id)
    return text and web.json(text), problem
end

function endpoints.create(req)
    local body = req.body
    local wrong = fault(body)
    if wrong then
        return nil, wrong
    end
    local row, problem = db.one("endpoint/create", body.url, db.array(body.events),
        body.description, ENDPOINTS_MAX)
    if not row then
        return nil, problem or err.conflict(("there are %d already"):format(ENDPOINTS_MAX))
    end
    local text, failure = read(row.id)
    if not text then
        return nil, failure
    end
    log.info("webhooks_out.created", { endpoint = row.id, by = req.user.id })
    return web.created(endpoints.PATH .. "/" .. row.id, {
        endpoint = web.json(text), secret = signature.secret(row.id, 1),
    })
end

function endpoints.update(req)
    local id, body = req.params.id, req.body
    local wrong = fault(body)
    if wrong then
        return nil, wrong
    end
    local text
    local is_done, problem = db.tx(function()
        local row, failure = db.one("endpoint/update", id, body.url,
            body.events and db.array(body.events), body.description, body.isActive)
        if not row then
            return nil, failure or err.not_found()
        elseif body.isActive then
            local is_hastened, refusal = db.exec("delivery/hasten", id)
            if not is_hastened then
                return nil, refusal
            end
        end
        text, failure = read(id)
        return text and true, failure
    end)
    return is_done and web.json(text), problem
end

function endpoints.remove(req)
    return done(db.one("endpoint/remove", req.params.id))
end

function endpoints.new_secret(req)
    local id = req.params.id
    local row, problem = db.one("endpoint/new_secret", id, OVERLAP_S)
    if not row then
        return nil, problem or err.not_found()
    end
    log.info("webhooks_out.new_secret", { endpoint = id, by = req.user.id })
    return { secret = signature.secret(id, row.secret_number) }
end

function endpoints.test(req)
    local row, problem = queue.test(req.params.id)
    if not row then
        return nil, problem or err.not_found()
    end
    return web.accepted({ deliveryId = row.id })
end

function endpoints.log(req)
    local is_there, missing = read(req.params.id)
    if not is_there then
        return nil, missing
    end
    local text, problem = db.json("delivery/list", req.params.id, req.query.state,
        req.query.before, req.query.limit)
    if not text then
        return nil, problem
    end
    return { data = web.json(text) }
end

function endpoints.replay(req)
    return done(db.one("delivery/replay", req.params.id, req.params.delivery))
end

function endpoints.skip(req)
    return done(db.one("delivery/skip", req.params.id, req.params.delivery))
end

function endpoints.replay_since(req)
    local is_there, missing = read(req.params.id)
    if not is_there then
        return nil, missing
    end
    local row, problem = db.one("delivery/replay_since", req.params.id, req.body.since,
        REPLAYED_MAX)
    return row and { replayed = row.replayed }, problem
end

return endpoints
