--- The purchase and the money of the README, run literally, and what they leave behind.
local emulator = require("spec.support.emulator")
local shell = require("spec.support.shell")
local world = require("spec.support.world")

local CENTS = { amount = 6000, currency = "USD" }

--- The shell blocks of the README, one after the other, with the addresses of this run.
local function readme_blocks(w)
    local blocks = {}
    for block in assert(shell.read("README.md")):gmatch("```sh\n(.-)```") do
        blocks[#blocks + 1] = block
    end
    assert.equal(2, #blocks)
    local text = table.concat(blocks, "echo '---'\n")
    for from, to in pairs({
        ["localhost:3001"] = "127.0.0.1:" .. w.port,
        ["localhost:3002"] = "127.0.0.1:" .. w.stripe.port,
        ["%./souk ledger \"%$order\""] = ("DATABASE_URL=%s %s ledger \"$order\" --conf %s"):format(
            shell.quote(w.db.url), w.server.binary, "conf/test.conf"),
    }) do
        local replaced
        text, replaced = text:gsub(from, (to:gsub("%%", "%%%%")))
        assert.is_true(replaced > 0, from)
    end
    return text
end

local function psql_file(w, path)
    shell.must("/usr/lib/postgresql/15/bin/psql -X -q -1 -v ON_ERROR_STOP=1 -d "
        .. shell.quote(w.db.url) .. " -f " .. shell.quote(path))
end

local function login(w, name)
    return w:expect(200, "POST", "/api/auth/login", nil,
        { email = name .. "@demo.souk.example", password = "souk-demo-2026" }).accessToken
end

describe("the README", function()
    local w, output, money, before, kavya, farhan

    local function product(token, slug)
        return w:expect(200, "GET", "/api/products/" .. slug, token)
    end

    setup(function()
        w = world.start()
        psql_file(w, "sql/seeds/demo.sql")
        kavya, farhan = login(w, "vendor"), login(w, "mumbai")
        before = product(kavya, "monsoon-coffee-gift-box").stock
        shell.write(w.server.home .. "/purchase.sh", readme_blocks(w))
        local all = shell.must("timeout 120 sh -e "
            .. shell.quote(w.server.home .. "/purchase.sh"))
        output, money = all:match("^(.-)%-%-%-\n(.*)$")
    end)

    teardown(function()
        w:stop()
    end)

    it("prints no null and no error", function()
        assert.is_nil(output:match("null"), output)
        assert.is_nil(output:match("statusCode"), output)
        assert.is_nil(money:match("null"), money)
        assert.is_nil(money:match("statusCode"), money)
    end)

    it("confirms the order with the fees and earnings of the worked example", function()
        assert.matches('"status": "CONFIRMED"', output, 1, true)
        for _, amount in ipairs({ 10000, 6000, 4000, 600, 400, 5400, 3600 }) do
            assert.matches('"amount": ' .. amount .. ",", output, 1, true)
        end
    end)

    it("takes the vendors' orders from PROCESSING to DELIVERED", function()
        local steps = {}
        for step in output:gmatch("\n(%u+)%f[^%u]") do
            steps[#steps + 1] = step
        end
        assert.same({ "PROCESSING", "SHIPPED", "DELIVERED", "PROCESSING", "SHIPPED", "DELIVERED" },
            steps)
        for _, token in ipairs({ kavya, farhan }) do
            local orders = w:expect(200, "GET", "/api/vendor/orders", token).data
            assert.equal(1, #orders)
            assert.equal("DELIVERED", orders[1].status)
        end
    end)

    it("takes the stock down and leaves nothing reserved", function()
        local coffee = product(kavya, "monsoon-coffee-gift-box")
        assert.equal(before - 1, coffee.stock)
        assert.equal(0, coffee.reserved)
        assert.same(CENTS, coffee.price)
    end)

    it("puts the review's rating on the product", function()
        assert.same({ average = 5, count = 1 }, product(nil, "monsoon-coffee-gift-box").rating)
    end)

    it("lets what is due wait for the vendors' accounts, and go out then", function()
        local _, waiting = money:gsub('"outcome":"HINDERED"', "")
        assert.equal(2, waiting)
        local _, links = money:gsub("http://[^\n]+/connect/onboard/", "")
        assert.equal(2, links)
        for _, amount in ipairs({ 5400, 3600 }) do
            assert.matches(('{"status":"PAID","amount":{"amount":%d,"currency":"USD"}}')
                :format(amount), money, 1, true)
        end
    end)

    it("refunds in the proportion of the fee, and takes the vendor's share back", function()
        assert.matches('{"amount":{"amount":1000,"currency":"USD"},"platformFee":{"amount":100,'
            .. '"currency":"USD"},"earnings":{"amount":900,"currency":"USD"}}', money, 1, true)
        local balance = w:expect(200, "GET", "/api/vendor/balance", farhan).data[1]
        assert.same({ 0, 0 }, { balance.payable, balance.owed })
    end)

    it("prints books that end where Stripe's balance does", function()
        local kinds = {}
        for kind in money:gmatch("\n%d%d%d%d%-%d%d%-%d%d %d%d:%d%d:%d%d +([%a_]+)") do
            kinds[kind] = (kinds[kind] or 0) + 1
        end
        assert.same({ paid = 1, stripe_fee = 1, transfer = 2, refund = 1, reversal = 1 }, kinds)
        assert.matches("\n +balance +5%.80 +0%.00 +0%.00 +%-9%.00 +3%.20\n", money)
        local at_stripe = 0
        local balance = emulator.call(w.stripe, "GET", "/v1/balance").json
        for _, part in ipairs({ balance.available, balance.pending }) do
            for _, one in ipairs(part) do
                at_stripe = at_stripe + one.amount
            end
        end
        assert.equal(580, at_stripe)
    end)

    it("holds every rule, and says so", function()
        assert.matches('{"ok":true,"rules":%d+}', money)
    end)

    it("holds every invariant", function()
        w:assert_invariants()
    end)
end)
