--- A whole marketplace for stories: database, Stripe emulator, server, and people in it.
--
--   local w = world.start()
--   local shop = w:vendor()                       -- approved, with a token
--   local lamp = w:product(shop, { price = 6000, stock = 10 })
--   local buyer = w:buyer()
--   w:add(buyer, lamp, 1)
--   local order = w:checkout(buyer)
--   w:pay(buyer, order)                           -- CONFIRMED
--   w:stop()                                      -- fails on a sanitizer report
--
-- A helper that cannot do what it is named for raises with the server's answer.
local client = require("spec.support.client")
local database = require("spec.support.database")
local emulator = require("spec.support.emulator")
local server = require("spec.support.server")
local shell = require("spec.support.shell")

local world = {}
world.__index = world

world.PASSWORD = "correct horse 1"

world.ADDRESS = {
    name = "Ada Buyer", line1 = "1 Market Lane", city = "Lisbon", postalCode = "1100-148",
    country = "PT",
}

local people = 0

local function settings(port, stripe, given)
    local set = emulator.settings(stripe)
    set["http.port"] = port
    for key, value in pairs(given or {}) do
        set[key] = value
    end
    return set
end

--- options: set (settings of the server), db, is_without_webhooks, emulator_set, plugins (names of
--- those to be switched on, with all they need), binary.
function world.start(options)
    options = options or {}
    local port = shell.free_port()
    local self = setmetatable({ db = options.db or database.fresh(), admins = 0 }, world)
    self.stripe = emulator.start({
        set = options.emulator_set,
        webhook_url = not options.is_without_webhooks
            and ("http://127.0.0.1:%d/api/webhooks/stripe"):format(port) or "",
    })
    self.server = server.start({
        db = self.db, set = settings(port, self.stripe, options.set), plugins = options.plugins,
        binary = options.binary,
    })
    self.port = port
    return self
end

function world:stop()
    self.server:stop()
    self.stripe:stop()
end

--- One request; who is a person with a token, a token, or nil.
function world:request(method, path, who, body, headers)
    return client.request(self:prepared(method, path, who, body, headers))
end

--- The same as an entry for client.parallel.
function world:prepared(method, path, who, body, headers)
    return {
        port = self.port, method = method, path = path, body = body, headers = headers,
        token = type(who) == "table" and who.token or who or nil,
    }
end

--- The JSON of an answer that must have this status.
function world:expect(status, method, path, who, body, headers)
    local answer = self:request(method, path, who, body, headers)
    if answer.status ~= status then
        error(("%s %s: %d in place of %d: %s"):format(method, path, answer.status, status,
            answer.problem or answer.body:sub(1, 1000)), 2)
    end
    return answer.json
end

--- Signs somebody up; role is BUYER or VENDOR.
function world:register(role, fields)
    people = people + 1
    local body = {
        email = ("%s%d.%d@example.com"):format(role:lower(), people, self.port),
        password = world.PASSWORD, name = role .. " " .. people, role = role,
    }
    if role == "VENDOR" then
        body.vendor = { businessName = ("Shop %d of %d"):format(people, self.port) }
    end
    for name, value in pairs(fields or {}) do
        body[name] = value
    end
    local session = self:expect(201, "POST", "/api/auth/register", nil, body)
    return {
        token = session.accessToken, refresh_token = session.refreshToken, id = session.user.id,
        email = body.email, vendor_id = session.user.vendorId, buyer_id = session.user.buyerId,
        password = body.password,
    }
end

function world:buyer(fields)
    return self:register("BUYER", fields)
end

--- A vendor that an administrator has approved.
function world:vendor(fields)
    local vendor = self:register("VENDOR", fields)
    self:expect(200, "POST", "/api/admin/vendors/" .. vendor.vendor_id .. "/approve",
        self:admin(), { reason = "spec" })
    return vendor
end

--- Connects a vendor to Stripe and ends its onboarding there; the account's id. fields: what
--- becomes of it in place of all going well ({ transfers = "inactive", … }). What waited for the
--- account has gone out then: later on the server pays out nothing by itself.
function world:onboard(vendor, fields)
    local answer = self:request("POST", "/api/vendor/stripe/account-link", vendor, {})
    assert(answer.status == 200 or answer.status == 201, answer.body)
    local id = self.db:value("select provider_account_id from stripe_accounts where vendor_id = '"
        .. vendor.vendor_id .. "'")
    local ended = client.request({
        port = self.stripe.port, method = "POST", path = "/_emu/onboard/" .. id,
        body = fields or client.json.decode("{}"),
    })
    assert(ended.status == 200, ended.body)
    local wanted = fields and fields.transfers or "active"
    shell.wait_until("the account is " .. wanted, 30, function()
        return self.db:value("select transfers_capability from stripe_accounts where vendor_id = '"
            .. vendor.vendor_id .. "' and not is_wake_due") == wanted
    end)
    return id
end

--- The administrator of this world, made on the command line as the first one always is.
function world:admin()
    if not self.administrator then
        local email = ("admin.%d@example.com"):format(self.port)
        shell.must(("SOUK_HOME=%s DATABASE_URL=%s %s admin create --email %s --password %s "
            .. "--conf conf/test.conf"):format(shell.quote(self.server.home),
            shell.quote(self.db.url), self.server.binary, email, shell.quote(world.PASSWORD)))
        local session = self:expect(200, "POST", "/api/auth/login", nil,
            { email = email, password = world.PASSWORD })
        self.administrator = { token = session.accessToken, id = session.user.id, email = email }
    end
    return self.administrator
end

--- A published product; price in minor units.
function world:product(vendor, fields)
    people = people + 1
    local body = { name = "Thing " .. people, stock = 10 }
    for name, value in pairs(fields or {}) do
        body[name] = value
    end
    body.price = { amount = fields and fields.price or 1000, currency = "USD" }
    local product = self:expect(201, "POST", "/api/products", vendor, body)
    return self:expect(200, "POST", "/api/products/" .. product.id .. "/publish", vendor)
end

function world:add(buyer, product, quantity)
    return self:expect(201, "POST", "/api/cart/items", buyer,
        { productId = product.id, quantity = quantity or 1 })
end

--- The order made from the buyer's cart.
function world:checkout(buyer, headers)
    return self:expect(201, "POST", "/api/checkout", buyer,
        { shippingAddress = world.ADDRESS }, headers)
end

--- The payment of an order, with the client secret a browser would get.
function world:payment(buyer, order)
    return self:expect(201, "POST", "/api/orders/" .. order.id .. "/payment", buyer,
        { method = "CARD" })
end

--- Pays on Stripe's side only: what the server learns, it learns by webhook or by asking.
function world:present(payment, card)
    return emulator.pay(self.stripe, payment.clientSecret, card)
end

function world:authenticate(payment, is_ok)
    return emulator.authenticate(self.stripe, payment.clientSecret, is_ok)
end

function world:confirm(buyer, order, payment)
    return self:request("POST", "/api/orders/" .. order.id .. "/confirm-payment", buyer,
        { paymentId = payment.paymentId })
end

--- The whole payment; the answer of confirm-payment.
function world:pay(buyer, order, card)
    local payment = self:payment(buyer, order)
    self:present(payment, card)
    return self:confirm(buyer, order, payment), payment
end

--- The product as its vendor sees it: with stock and reserved.
function world:stock(vendor, product)
    local seen = self:expect(200, "GET", "/api/products/" .. product.id, vendor)
    return seen.stock, seen.reserved
end

--- Error unless every invariant of the domain holds.
function world:assert_invariants()
    local report = self:expect(200, "GET", "/api/admin/invariants", self:admin())
    if not report.ok then
        error("invariants: " .. client.json.encode(report.data), 2)
    end
    return report
end

return world
