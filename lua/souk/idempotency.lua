--- Idempotency-Key: the same user, method, path and key answer the same bytes again for 24 hours.
-- "transaction" routes: one transaction takes the key's advisory lock, does the work and stores
-- the answer; what fails is not stored, since nothing happened. "resumable" routes (they call
-- others between their transactions): a RUNNING row is committed first, and taken over by the next
-- try once its lock has run out.
local crash = require("core.crash")
local crypto = require("core.crypto")
local db = require("souk.db")
local err = require("souk.err")

local idempotency = {}

local LOCK_S = 60

--- The key that a header gives, nil without one; or nil, err when malformed.
function idempotency.key(key)
    if not key then
        return nil
    end
    if #key < 1 or #key > 255 or key:find("[^\33-\126]") then
        return nil, err.bad_request("Idempotency-Key must be 1 to 255 visible ASCII characters")
    end
    return key
end

local function identity(req, key)
    return {
        user_id = req.user.id,
        method = req.method,
        path = req.path,
        key = key,
        sha256 = crypto.sha256(req.query_text .. "\n" .. req.raw),
    }
end

local function replay(row, sha256)
    if row.request_sha256 ~= sha256 then
        return nil, err.idempotency_mismatch()
    end
    return {
        status = row.status,
        body = row.body,
        headers = { ["Idempotent-Replayed"] = "true", Location = row.location },
    }
end

local function lock_text(id)
    return table.concat({ id.user_id, id.method, id.path, id.key }, " ")
end

local function store(id, answer)
    local is_stored, problem = db.exec("idempotency/store", id.user_id, id.method, id.path, id.key,
        id.sha256, answer.status, answer.body, answer.headers and answer.headers.Location)
    crash("answer.stored")
    return is_stored, problem
end

--- run() gives an answer {status, body, headers} or nil, err; so does this.
function idempotency.in_transaction(req, key, run)
    local id = identity(req, key)
    return db.tx(function()
        local results, problem = db.batch({
            { "idempotency/lock", lock_text(id) },
            { "idempotency/find", id.user_id, id.method, id.path, id.key },
        })
        if not results then
            return nil, problem
        end
        if not results[1][1].is_locked then
            return nil, err.idempotency_in_progress()
        end
        local known = results[2][1]
        if known then
            return replay(known, id.sha256)
        end
        local answer, refusal = run()
        if not answer then
            return nil, refusal
        end
        local is_stored, failure = store(id, answer)
        if not is_stored then
            return nil, failure
        end
        return answer
    end)
end

--- True when this request may run; else nil and an answer to replay, or nil, nil and an err.
local function claim(id)
    local row, problem = db.tx(function()
        local results, failure = db.batch({
            { "idempotency/claim", id.user_id, id.method, id.path, id.key, id.sha256, LOCK_S },
            { "idempotency/find", id.user_id, id.method, id.path, id.key },
        })
        if not results then
            return nil, failure
        end
        return { is_claimed = #results[1] == 1, known = results[2][1] }
    end)
    if not row then
        return nil, nil, problem
    elseif row.is_claimed then
        return true
    elseif row.known.request_sha256 == id.sha256 and row.known.state == "RUNNING" then
        return nil, nil, err.idempotency_in_progress()
    end
    local known, mismatch = replay(row.known, id.sha256)
    return nil, known, mismatch
end

--- What run() gave, with a declined payment made into an answer. Raises what it raised, after
-- giving the key back.
local function run_claimed(id, run, answer_of_error)
    local is_ok, made, problem = pcall(run)
    if is_ok and not made and problem.status == 402 then
        made = answer_of_error(problem)
    end
    if is_ok and made then
        return made
    end
    db.exec("idempotency/release", id.user_id, id.method, id.path, id.key)
    if not is_ok then
        error(made, 0)
    end
    return nil, problem
end

--- answer_of_error(err) makes the answer that is stored of a declined payment.
function idempotency.resumable(req, key, run, answer_of_error)
    local id = identity(req, key)
    local is_claimed, known, refusal = claim(id)
    if not is_claimed then
        return known, refusal
    end
    local made, problem = run_claimed(id, run, answer_of_error)
    if not made then
        return nil, problem
    end
    local is_stored, failure = store(id, made)
    if not is_stored then
        return nil, failure
    end
    return made
end

return idempotency
