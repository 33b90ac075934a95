local client = require("spec.support.client")
local world = require("spec.support.world")

describe("Idempotency-Key", function()
    local w, vendor

    setup(function()
        w = world.start()
        vendor = w:vendor()
    end)
    teardown(function()
        w:stop()
    end)

    local function body(name, stock)
        return { name = name, price = { amount = 500, currency = "USD" }, stock = stock or 1 }
    end

    local function post(key, sent, who)
        return w:request("POST", "/api/products", who or vendor, sent,
            { ["Idempotency-Key"] = key })
    end

    local function count(name)
        return w.db:value("select count(*) from products where name = '" .. name .. "'")
    end

    it("answers again with the same bytes, and does the work once", function()
        local first, second = post("k1", body("Once")), post("k1", body("Once"))
        assert.equal(201, first.status)
        assert.is_nil(first.headers["idempotent-replayed"])
        assert.equal(201, second.status)
        assert.equal("true", second.headers["idempotent-replayed"])
        assert.equal(first.body, second.body)
        assert.equal(first.headers.location, second.headers.location)
        assert.equal(1, count("Once"))
    end)
    it("refuses another body under the same key", function()
        assert.equal(201, post("k2", body("Body", 1)).status)
        local other = post("k2", body("Body", 2))
        assert.equal(422, other.status)
        assert.equal("idempotency_mismatch", other.json.code)
    end)
    it("belongs to its user", function()
        local other = w:vendor()
        assert.equal(201, post("k3", body("Mine")).status)
        local answer = post("k3", body("Theirs"), other)
        assert.equal(201, answer.status)
        assert.is_nil(answer.headers["idempotent-replayed"])
    end)
    it("does not keep what failed", function()
        local longer = body("Fails")
        longer.price.currency = "EUR"
        assert.equal(422, post("k4", longer).status)
        assert.equal(201, post("k4", body("Fails")).status)
    end)
    it("does the work once when asked many times at once", function()
        local requests = {}
        for i = 1, 10 do
            requests[i] = w:prepared("POST", "/api/products", vendor, body("Parallel"),
                { ["Idempotency-Key"] = "k5" })
        end
        for _, answer in ipairs(client.parallel(requests)) do
            assert.is_true(answer.status == 201 or answer.json.code == "idempotency_in_progress",
                answer.body)
        end
        assert.equal(1, count("Parallel"))
        assert.equal(201, post("k5", body("Parallel")).status)
    end)
    it("is 1 to 255 visible ASCII characters", function()
        for _, wrong in ipairs({ ("k"):rep(256), "a b", "k\195\169" }) do
            assert.equal(400, post(wrong, body("Key")).status)
        end
        assert.equal(201, post(("k"):rep(255), body("Key")).status)
    end)
    it("is forgotten after a day", function()
        assert.equal(201, post("k6", body("Day one")).status)
        w.db:query("update idempotency_keys set created_at = now() - interval '25 hours'"
            .. " where key = 'k6'")
        local answer = post("k6", body("Day two"))
        assert.equal(201, answer.status)
        assert.is_nil(answer.headers["idempotent-replayed"])
    end)
end)
