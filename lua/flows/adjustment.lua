--- Corrections of the books by two persons: one proposes postings, another one approves them. What
--- was posted stays; a wrong adjustment is corrected by another one.
local conf = require("core.conf")
local crypto = require("core.crypto")
local json = require("core.json")
local audit = require("souk.audit")
local db = require("souk.db")
local err = require("souk.err")

local adjustment = {}

local ACCOUNTS = {
    stripe = true, bank = true, platform_fee = true, stripe_fee = true, dispute_hold = true,
    dispute_fee = true, loss = true, rounding = true, unapplied = true,
}

local function vendor_of(account)
    local id = account:match("^vendor:(.+)$")
    return id and crypto.is_uuid(id) and id or nil
end

--- Every fault of the postings, and the vendors they name.
local function look(postings)
    local faults, vendors, seen, sum = {}, {}, {}, 0
    for i, line in ipairs(postings) do
        local field = ("postings.%d."):format(i - 1)
        local vendor_id = vendor_of(line.account)
        line.account = vendor_id and "vendor:" .. vendor_id:lower() or line.account
        if not vendor_id and not ACCOUNTS[line.account] then
            faults[#faults + 1] = { field = field .. "account", message = "is no account" }
        elseif seen[line.account] then
            faults[#faults + 1] = { field = field .. "account", message = "is named twice" }
        elseif line.amount == 0 then
            faults[#faults + 1] = { field = field .. "amount", message = "must not be 0" }
        end
        seen[line.account] = true
        vendors[#vendors + 1] = vendor_id
        sum = sum + line.amount
    end
    if sum ~= 0 then
        faults[#faults + 1] = {
            field = "postings", message = ("must add up to 0, not %.0f"):format(sum),
        }
    end
    return faults, vendors
end

--- true, or nil, err with all that is wrong.
local function check(proposal)
    local faults, vendors = look(proposal.postings)
    local known, failure = db.one("adjustment/currency", proposal.currency, conf("currency"))
    if not known then
        return nil, failure
    elseif not known.is_known then
        faults[#faults + 1] = {
            field = "currency", message = "is no currency of these books",
        }
    end
    local rows, problem = db.query("adjustment/unknown", db.array(vendors), proposal.orderId)
    if not rows then
        return nil, problem
    end
    for _, row in ipairs(rows) do
        faults[#faults + 1] = row.id == "order"
            and { field = "orderId", message = "is no order" }
            or { field = "postings", message = "there is no vendor " .. row.id }
    end
    if #faults > 0 then
        return nil, err.invalid(nil, faults)
    end
    return true
end

local function record(action, id, actor, before, after, reason)
    return audit.write({
        actor = actor.user_id, action = "adjustment." .. action, object = "adjustment:" .. id,
        before = before, after = after, reason = reason, request_id = actor.request_id,
    })
end

--- proposal: {currency, reason, orderId?, postings = {{account, amount}, …}}; actor: {user_id,
--- request_id}. The id of the proposed adjustment; or nil, err.
function adjustment.propose(proposal, actor)
    local is_sound, refusal = check(proposal)
    if not is_sound then
        return nil, refusal
    end
    local id = crypto.uuid7()
    return db.tx(function()
        local is_written, problem = db.exec("adjustment/insert", id, proposal.currency,
            json.encode(proposal.postings), proposal.reason, proposal.orderId, actor.user_id)
        if not is_written then
            return nil, problem
        end
        local is_recorded, failure = record("propose", id, actor, nil, {
            status = "PROPOSED", currency = proposal.currency, postings = proposal.postings,
        }, proposal.reason)
        if not is_recorded then
            return nil, failure
        end
        return id
    end)
end

local ACTIONS = { POSTED = "approve", REJECTED = "reject" }

--- Ends a proposal as POSTED or REJECTED. true, or nil, err.
function adjustment.decide(id, status, reason, actor)
    return db.tx(function()
        local is_done, problem = db.query("adjustment/decide", id, status, actor.user_id)
        if not is_done then
            return nil, problem
        end
        return record(ACTIONS[status], id, actor, { status = "PROPOSED" }, { status = status },
            reason)
    end)
end

return adjustment
