local books = require("spec.lua.books")
local emulator = require("spec.support.emulator")
local shell = require("spec.support.shell")
local story = require("spec.lua.story")
local world = require("spec.support.world")

local PATH = "/api/admin/reconciliations"

describe("/api/admin/reconciliations", function()
    local w, made

    setup(function()
        w = world.start({ set = { ["reconcile.grace_s"] = 0, ["reconcile.every_s"] = 0 } })
        made = story.paid(w)
        books.wait_for_fees(w)
    end)

    teardown(function()
        w:stop()
    end)

    it("answers 202 at once, and the outcome later", function()
        local seen = books.reconcile(w)
        assert.same({ "DONE", 0, 1, 1 },
            { seen.status, seen.findings, seen.gathered, seen.compared })
        assert.equal("2000-01-01T00:00:00.000Z", seen.since)
        assert.truthy(seen.finishedAt)
    end)

    it("begins a day before the end of the last one when nobody says since when", function()
        local last = w:expect(200, "GET", PATH .. "?limit=1", w:admin()).data[1]
        local seen = books.reconcile(w, {})
        assert.equal("1 day", w.db:value(("select '%s'::timestamptz - '%s'::timestamptz")
            :format(last["until"], seen.since)))
    end)

    it("asked for, waits for nothing that is young when nothing is underway", function()
        local other = world.start({ set = { ["reconcile.every_s"] = 0 } })
        local sold = story.paid(other)
        books.wait_for_fees(other)
        local account = other:onboard(sold.shop)
        emulator.call(other.stripe, "POST", "/v1/transfers",
            "amount=123&currency=usd&destination=" .. account .. "&source_transaction="
                .. other.db:value("select charge_id from payments"))
        local seen = books.reconcile(other, {})
        other:stop()
        local kinds = {}
        for _, finding in ipairs(seen.data) do
            kinds[finding.kind] = finding.theirs
        end
        assert.is_truthy(kinds.MISSING_IN_LEDGER)
    end)

    it("runs one at a time", function()
        w.db:query("insert into reconciliations (since, until) values (now(), now())")
        local client = require("spec.support.client")
        local requests = {}
        for i = 1, 4 do
            requests[i] = w:prepared("POST", PATH, w:admin(), {})
        end
        for _, answer in ipairs(client.parallel(requests)) do
            assert.is_true(answer.status == 409 or answer.status == 202, answer.body)
        end
        assert.is_true(w.db:value("select count(*) from reconciliations where status = 'RUNNING'")
            <= 1)
        shell.wait_until("none runs", 60, function()
            return w.db:value("select count(*) from reconciliations where status = 'RUNNING'") == 0
        end)
    end)

    it("lists them, newest first, by status", function()
        books.reconcile(w)
        local page = w:expect(200, "GET", PATH .. "?status=DONE", w:admin())
        assert.is_true(page.page.total >= 3)
        assert.is_true(page.data[1].createdAt > page.data[2].createdAt)
        assert.equal(0, w:expect(200, "GET", PATH .. "?status=FAILED", w:admin()).page.total)
    end)

    it("knows no other", function()
        assert.equal(404, w:request("GET", PATH .. "/" .. made.order.id, w:admin()).status)
    end)

    it("is for administrators", function()
        assert.equal(403, w:request("GET", PATH, made.shop).status)
        assert.equal(403, w:request("POST", PATH, made.buyer, {}).status)
        assert.equal(401, w:request("GET", PATH).status)
    end)
end)
