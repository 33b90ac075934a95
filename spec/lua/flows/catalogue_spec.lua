local account = require("flows.account")
local catalogue = require("flows.catalogue")
local crypto = require("core.crypto")
local db = require("souk.db")
local json = require("core.json")
local shared = require("core.shared")

local made = 0

local function vendor()
    made = made + 1
    local session = account.register({
        email = ("shop%d@souk.test"):format(made), password = "correct horse", name = "Shop",
        role = "VENDOR",
    })
    return { id = session.user.id, role = "VENDOR", vendor_id = session.user.vendorId }
end

local function product(user)
    made = made + 1
    local id = crypto.uuid7()
    assert(db.batch({ {
        "product/create", id, user.vendor_id, "Flow " .. made, "flow-" .. made, "", "{}", 100,
        "USD", 5, "{}", user.id,
    } }))
    return id
end

local function step(user, id, name, if_match)
    local req = { user = user, params = { id = id }, if_match = if_match }
    return catalogue.change(req, function(row)
        return catalogue.step(row, name)
    end)
end

describe("catalogue.change", function()
    it("gives the product as its owner sees it, a version further", function()
        local owner = vendor()
        local text = step(owner, product(owner), "publish")
        local changed = json.decode(text)
        assert.same({ "PUBLISHED", 2, 5 }, { changed.status, changed.version, changed.stock })
    end)
    it("tells the workers", function()
        local owner = vendor()
        local before = shared.read("catalogue")
        step(owner, product(owner), "publish")
        assert.is_true(shared.read("catalogue") > before)
    end)
    it("finds nothing for another vendor, and everything for an admin", function()
        local owner = vendor()
        local id = product(owner)
        assert.equal("not_found", select(2, step(vendor(), id, "publish")).code)
        assert.is_truthy(step({ id = owner.id, role = "ADMIN" }, id, "publish"))
    end)
    it("changes nothing when the version is another", function()
        local owner = vendor()
        local id = product(owner)
        local _, problem = step(owner, id, "publish", { [2] = true })
        assert.equal("precondition_failed", problem.code)
        assert.is_truthy(step(owner, id, "publish", { [1] = true }))
    end)
    it("refuses a step that its status does not allow", function()
        local owner = vendor()
        local id = product(owner)
        assert.equal("illegal_step", select(2, step(owner, id, "unpublish")).code)
        assert.is_truthy(step(owner, id, "archive"))
        assert.equal("illegal_step", select(2, step(owner, id, "publish")).code)
    end)
end)

describe("catalogue.reply", function()
    it("takes the version from before any text of a client", function()
        local text = ('{"id":"%s","version":7,"vendorId":"%s","name":"\\"version\\":9",'
            .. '"attributes":{"version":8}}'):format(crypto.uuid7(), crypto.uuid7())
        assert.equal("7", catalogue.reply(200, text).headers.Version)
    end)
end)
