--- The purchase of the README, run literally, and what it leaves behind.
local shell = require("spec.support.shell")
local world = require("spec.support.world")

local CENTS = { amount = 6000, currency = "USD" }

--- The shell block of the README with the addresses of this run.
local function readme_block(w)
    local block = assert(shell.read("README.md")):match("```sh\n(.-)```")
    local replaced
    block, replaced = block:gsub("localhost:3001", "127.0.0.1:" .. w.port)
    assert.is_true(replaced > 0)
    block, replaced = block:gsub("localhost:3002", "127.0.0.1:" .. w.stripe.port)
    assert.is_true(replaced > 0)
    return block
end

local function psql_file(w, path)
    shell.must("/usr/lib/postgresql/15/bin/psql -X -q -1 -v ON_ERROR_STOP=1 -d "
        .. shell.quote(w.db.url) .. " -f " .. shell.quote(path))
end

local function login(w, name)
    return w:expect(200, "POST", "/api/auth/login", nil,
        { email = name .. "@demo.souk.example", password = "souk-demo-2026" }).accessToken
end

describe("the README's purchase", function()
    local w, output, before, kavya, farhan

    local function product(token, slug)
        return w:expect(200, "GET", "/api/products/" .. slug, token)
    end

    setup(function()
        w = world.start()
        psql_file(w, "sql/seeds/demo.sql")
        kavya, farhan = login(w, "vendor"), login(w, "mumbai")
        before = product(kavya, "monsoon-coffee-gift-box").stock
        shell.write(w.server.home .. "/purchase.sh", readme_block(w))
        output = shell.must("sh -e " .. shell.quote(w.server.home .. "/purchase.sh"))
    end)

    teardown(function()
        w:stop()
    end)

    it("prints no null and no error", function()
        assert.is_nil(output:match("null"), output)
        assert.is_nil(output:match("statusCode"), output)
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

    it("posts to the ledger what the worked example says", function()
        local postings = w.db:query([[select account, sum(amount_minor) from ledger_postings
            group by account order by 2 desc]])
        local amounts = {}
        for i, row in ipairs(postings) do
            amounts[i] = tonumber(row[2])
        end
        assert.same({ 10000, -1000, -3600, -5400 }, amounts)
    end)

    it("holds every invariant", function()
        w:assert_invariants()
    end)
end)
