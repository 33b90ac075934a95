--- What all routes on a product share: whose it is, what may still be done with it, and telling
--- the workers.
local db = require("souk.db")
local err = require("souk.err")
local hooks = require("souk.plugin.hooks")
local json = require("core.json")
local shared = require("core.shared")
local web = require("souk.web")

local catalogue = {}

--- What workers of this node keep of it is made again: call after the commit. Other nodes learn of
--- it by the triggers (sql/functions/feed_triggers.sql). kind: "product", "vendor", "category",
--- "review" (id: of what is reviewed); without id all of them.
function catalogue.changed(kind, id)
    shared.changed(kind, id)
end

--- Inside a transaction: the locked row of a product that this user may change. Another vendor's
--- is not there.
function catalogue.lock(user, product_id)
    local row, problem = db.one("product/lock", product_id)
    if problem then
        return nil, problem
    end
    if not row or (user.role ~= "ADMIN" and row.vendor_id ~= user.vendor_id) then
        return nil, err.not_found()
    end
    return row
end

local POINT = "product.check"

--- Inside the transaction that has written the product: what plugins say of it as it is now.
--- action: "create", "change" or "publish". true; or nil, err.
function catalogue.ask_plugins(req, product_id, action)
    if #hooks.names(POINT) == 0 then
        return true
    end
    local product, problem = db.row_json("product/full", product_id, nil)
    if not product then
        return nil, problem or err.not_found()
    end
    return hooks.ask(POINT, {
        action = action, by = { id = req.user.id, role = req.user.role },
        product = json.decode(product),
    })
end

--- Runs change(row) on the locked product, if it is still a version of If-Match, and asks plugins
--- about an action; commits, and gives the product as its owner sees it (JSON text).
function catalogue.change(req, change, action)
    local is_changed, problem = db.tx(function()
        local row, refusal = catalogue.lock(req.user, req.params.id)
        if not row then
            return nil, refusal
        elseif req.if_match and not req.if_match[row.version] then
            return nil, err.precondition_failed()
        end
        local is_done, failure = change(row)
        if not is_done or not action then
            return is_done, failure
        end
        return catalogue.ask_plugins(req, row.id, action)
    end)
    if not is_changed then
        return nil, problem
    end
    catalogue.changed("product", req.params.id)
    return db.row_json("product/full", req.params.id, nil)
end

--- The version in a product's JSON, which begins with its id and that in product_full and
--- product_public: {"id":"…36…","version":1,"vendorId":"…36…".
local function version_of(product)
    return product:sub(56, product:find(",", 57, true) - 1)
end

--- The product as an answer, whose ETag carries the version that If-Match wants back. product: JSON
-- text as product_full or product_public shape it.
function catalogue.reply(status, product, headers)
    headers = headers or {}
    headers.Version = version_of(product)
    return web.reply(status, product, headers)
end

local STEPS = {
    publish = { status = "PUBLISHED", DRAFT = true, UNPUBLISHED = true },
    unpublish = { status = "UNPUBLISHED", PUBLISHED = true },
    archive = { status = "ARCHIVED", DRAFT = true, UNPUBLISHED = true, PUBLISHED = true },
}

--- Takes a locked product to its next status, or refuses.
function catalogue.step(row, name)
    local step = STEPS[name]
    if not step[row.status] then
        return nil, err.illegal_step(("a product that is %s cannot be %s"):format(
            row.status, step.status))
    end
    return db.exec("product/set_status", row.id, step.status)
end

return catalogue
