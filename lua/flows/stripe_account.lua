--- A vendor's account at Stripe: opened on first use, taken over as Stripe tells of it, and asked
--- about when nobody does. Links for people (onboarding, the dashboard) are good for one visit:
--- they are handed on and kept nowhere.
local conf = require("core.conf")
local crypto = require("core.crypto")
local json = require("core.json")
local log = require("core.log")
local time = require("souk.time")
local audit = require("souk.audit")
local db = require("souk.db")
local err = require("souk.err")
local inbox = require("flows.inbox")
local payout = require("flows.payout")
local stripe_api = require("flows.stripe_api")
local stripe_ops = require("flows.stripe_ops")

local stripe_account = {}

local SWEEP_MAX = 20
local MAY_CONNECT = { PENDING = true, ACTIVE = true }

local value = stripe_api.value

local function away()
    return err.stripe_away("Stripe does not answer: try again shortly")
end

-- The state of an account ------------------------------------------------------------------------

--- An account in the words of stripe_account_apply (sql/functions).
local function facts_of(account)
    local capabilities = value(account.capabilities) or {}
    local requirements = value(account.requirements) or {}
    return {
        id = account.id,
        attempt = (value(account.metadata) or {}).attempt,
        transfers = value(capabilities.transfers),
        chargesEnabled = account.charges_enabled == true,
        payoutsEnabled = account.payouts_enabled == true,
        detailsSubmitted = account.details_submitted == true,
        currentlyDue = json.array(value(requirements.currently_due) or {}),
        disabledReason = value(requirements.disabled_reason),
        country = value(account.country),
    }
end

--- Payouts that waited for the account go on. In a transaction of their own: a payout takes other
--- locks, and one that fails is no reason not to know the account. The row says that it is due
--- until it is done, so the sweep does what a crash has cut off.
local function wake(vendor_id)
    local is_woken, problem = payout.wake(vendor_id)
    if is_woken then
        is_woken, problem = db.exec("stripe_account/woken", vendor_id)
    end
    if not is_woken then
        log.error("stripe_account.wake.failed", { vendor = vendor_id, code = problem.code })
    end
end

--- Takes over an account's state, in the caller's transaction or its own. asked_at: PostgreSQL's
--- time before Stripe was asked, as text; nil: see stripe_account_apply. Returns its outcome, or
--- nil, err.
function stripe_account.apply(vendor_id, account, asked_at)
    local facts = json.encode(facts_of(account))
    local row, problem = db.tx(function()
        return db.one("stripe_account/apply", vendor_id, facts, asked_at)
    end)
    if not row then
        return nil, problem
    elseif row.outcome == "LOST" then
        log.error("stripe_account.transfers_lost", { vendor = vendor_id, account = account.id })
    elseif row.outcome == "READY" and not db.in_tx() then
        wake(vendor_id)
    end
    return row.outcome
end

--- Asks Stripe. row: {vendor_id, provider_account_id, asked_at}. Returns the outcome of apply; or
--- nil, err.
local function refresh(row, options)
    local account, problem = stripe_api.get("/v1/accounts/" .. row.provider_account_id, options)
    if not account then
        return nil, problem
    end
    return stripe_account.apply(row.vendor_id, account, row.asked_at)
end

--- 403: the vendor has disconnected and the news of it was lost, or the key is another platform's.
--- Nothing is concluded from it: with a wrong key that would be every vendor. A person decides
--- (stripe_account.disconnect).
local function tell_failure(row, problem)
    local facts = { vendor = row.vendor_id, account = row.provider_account_id, code = problem.code }
    if problem.is_forbidden then
        log.error("stripe_account.no_access", facts)
    else
        log.warn("stripe_account.recheck.failed", facts)
    end
end

--- Wakes payouts that have yet to hear of a ready account, and asks about the accounts that nobody
--- has brought news of.
function stripe_account.sweep()
    for _, row in ipairs(db.query("stripe_account/wake_due", SWEEP_MAX) or {}) do
        wake(row.vendor_id)
    end
    local rows = db.query(
        "stripe_account/stale", tonumber(conf("stripe.account_recheck_s")), SWEEP_MAX)
    for _, row in ipairs(rows or {}) do
        local outcome, problem = refresh(row, { is_job = true })
        if not outcome then
            tell_failure(row, problem)
            db.exec("stripe_account/touch", row.vendor_id)
        end
    end
end

--- How the account looks to its vendor, as JSON text. Stripe is asked when what is known is old;
--- when it is away, what is known is told with its age.
function stripe_account.status(vendor_id)
    local row, problem = db.one(
        "stripe_account/get", vendor_id, tonumber(conf("stripe.account_fresh_s")))
    if problem then
        return nil, problem
    elseif row and row.status == "OPEN" and row.is_old then
        refresh(row)
    end
    return db.row_json("stripe_account/status", vendor_id)
end

-- Opening ----------------------------------------------------------------------------------------

stripe_ops.register("account_create", {
    done = function(op, account)
        return stripe_account.apply(op.ref_id, account)
    end,
    find = function(op)
        local row, problem = db.one("stripe_account/get", op.ref_id, 0)
        if not row then
            return nil, problem
        end
        return stripe_api.find("/v1/accounts?", function(account)
            local metadata = value(account.metadata) or {}
            return metadata.vendor_id == op.ref_id and metadata.attempt == tostring(row.attempt)
        end)
    end,
    rejected = function(op, failure)
        local why = value(failure.message) or value(failure.code) or "rejected"
        log.error("stripe_account.create.rejected",
            { vendor = op.ref_id, problem = value(failure.code) or failure.type })
        return db.exec("stripe_account/fail", op.ref_id, why)
    end,
})

local function create_op(row, applicant, attempt)
    return stripe_ops.add({
        kind = "account_create", ref_id = row.vendor_id, attempt = attempt,
        key = ("ac:%s:%d"):format(row.vendor_id, attempt), path = "/v1/accounts",
        params = {
            type = "express",
            country = row.country,
            email = applicant.email,
            capabilities = {
                transfers = { requested = true }, card_payments = { requested = true },
            },
            metadata = {
                vendor_id = row.vendor_id, attempt = tostring(row.attempt), env = conf("env"),
            },
        },
        is_sent_now = true,
    })
end

local ENDED = { DONE = true, REJECTED = true }

--- The operation that has yet to make an account, and whether it is a new one; or nil, err.
local function op_of(row, applicant)
    local op, problem = stripe_ops.latest("account_create", row.vendor_id)
    if problem then
        return nil, problem
    elseif op and not ENDED[op.state] then
        return op
    end
    local made, failure = create_op(row, applicant, (op and op.attempt or 0) + 1)
    if not made then
        return nil, failure
    end
    return made, true
end

--- The vendor's row, with `op` and perhaps `is_new` while its account has yet to be made.
local function open_row(vendor_id, country)
    return db.tx(function()
        local applicant, problem = db.one("stripe_account/applicant", vendor_id)
        if not applicant then
            return nil, problem or err.not_found()
        elseif not MAY_CONNECT[applicant.status] then
            return nil, err.conflict(
                ("a vendor that is %s cannot be connected"):format(applicant.status))
        end
        local row, failure = db.one("stripe_account/open", vendor_id,
            country or applicant.country or conf("stripe.account_country"))
        if not row then
            return nil, failure
        elseif row.status == "CREATING" then
            row.op, row.is_new = op_of(row, applicant)
        end
        if row.status == "CREATING" and not row.op then
            return nil, row.is_new
        end
        return row
    end)
end

--- The vendor's open account, made at Stripe when there is none, and then with is_new; or nil, err.
local function ensure(vendor_id, country)
    local begun, refusal = open_row(vendor_id, country)
    if not begun or begun.status == "OPEN" then
        return begun, refusal
    end
    local send = begun.is_new and stripe_ops.send or stripe_ops.send_again
    local _, failure = send(begun.op)
    if failure then
        return nil, failure
    end
    local row, problem = db.one("stripe_account/get", vendor_id, 0)
    if not row then
        return nil, problem or err.not_found()
    elseif row.status == "FAILED" then
        return nil, err.conflict("Stripe does not open an account for this vendor: "
            .. "see that its country is right, then try again")
    elseif row.status ~= "OPEN" then
        return nil, away()
    end
    row.is_new = begun.is_new
    return row
end

-- Links ------------------------------------------------------------------------------------------

local LINK = {
    done = function()
        return true
    end,
    rejected = function()
        return true
    end,
}
stripe_ops.register("account_link", LINK)
stripe_ops.register("login_link", LINK)

--- What Stripe answers when it is asked for a link. One that does not come now is not worth waiting
--- for: asked again, it is another link.
local function ask_link(spec)
    local op, problem = db.tx(function()
        return stripe_ops.add(spec)
    end)
    if not op then
        return nil, problem
    end
    local result, failure = stripe_ops.send(op)
    if failure then
        return nil, failure
    elseif result.kind == "ok" then
        return result.object
    end
    db.exec("stripe_account/end_link", op.id)
    if result.kind == "rejected" or result.status == 403 then
        log.error("stripe_account.link.rejected", { path = spec.path, problem = result.problem })
        return nil, err.account_not_ready("Stripe gives no link for this account")
    end
    return nil, away()
end

--- Where a vendor fills in what Stripe wants to know: {url, expiresAt}. wanted: {refreshUrl,
--- returnUrl, country?}, and whether the account was opened for it; or nil, err.
function stripe_account.link(vendor_id, wanted)
    local row, problem = ensure(vendor_id, wanted.country)
    if not row then
        return nil, problem
    end
    local ref_id = crypto.uuid7()
    local link, failure = ask_link({
        kind = "account_link", ref_id = ref_id, key = "al:" .. ref_id,
        path = "/v1/account_links",
        params = {
            account = row.provider_account_id, type = "account_onboarding",
            refresh_url = wanted.refreshUrl, return_url = wanted.returnUrl,
        },
        is_sent_now = true,
    })
    if not link then
        return nil, failure
    end
    return { url = link.url, expiresAt = time.rfc3339(link.expires_at * 1000) }, row.is_new
end

--- The way into the vendor's own dashboard at Stripe: {url}.
function stripe_account.login_link(vendor_id)
    local row, problem = db.one("stripe_account/get", vendor_id, 0)
    if problem then
        return nil, problem
    elseif not row or row.status ~= "OPEN" then
        return nil, err.account_not_ready()
    end
    local ref_id = crypto.uuid7()
    local link, failure = ask_link({
        kind = "login_link", ref_id = ref_id, key = "ll:" .. ref_id,
        path = ("/v1/accounts/%s/login_links"):format(row.provider_account_id), params = {},
        is_sent_now = true,
    })
    if not link then
        return nil, failure
    end
    return { url = link.url }
end

-- News -------------------------------------------------------------------------------------------

--- News of an account is a hint to ask: it may be older than what is known.
local function on_updated(account)
    local row, problem = db.one("stripe_account/find", account.id)
    if problem then
        return nil, problem
    elseif not row or row.status ~= "OPEN" then
        return "IGNORED", "no account of ours"
    end
    local outcome, failure = refresh(row)
    if not outcome then
        return nil, failure
    end
    return "DONE", outcome
end

--- The object is the application that lost its access; the account is the event's.
local function on_deauthorized(_, event)
    local row, problem = db.one("stripe_account/find", event.account)
    if not row then
        return problem == nil and "IGNORED" or nil, problem or "no account of ours"
    end
    local done, failure = db.tx(function()
        return db.one("stripe_account/deauthorize", row.vendor_id, event.account)
    end)
    if not done then
        return nil, failure
    elseif done.is_changed then
        log.error("stripe_account.deauthorized",
            { vendor = row.vendor_id, account = event.account })
    end
    return "DONE", nil
end

--- What the event of it would have done, by a person's word. by: {id, reason, request_id}. true; or
--- nil, err.
function stripe_account.disconnect(vendor_id, by)
    return db.tx(function()
        local row, problem = db.one("stripe_account/get", vendor_id, 0)
        if problem then
            return nil, problem
        elseif not row or row.status ~= "OPEN" then
            return nil, err.illegal_step("the vendor has no open Stripe account")
        end
        local done, failure = db.one("stripe_account/deauthorize", vendor_id,
            row.provider_account_id)
        if not done then
            return nil, failure
        end
        return audit.write({
            actor = by.id, action = "vendor.stripe_disconnect", object = "vendor:" .. vendor_id,
            before = { accountId = row.provider_account_id }, reason = by.reason,
            request_id = by.request_id,
        })
    end)
end

inbox.register({
    ["account.updated"] = on_updated,
    ["account.application.deauthorized"] = on_deauthorized,
}, "connect")

return stripe_account
