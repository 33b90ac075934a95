local world = require("spec.support.world")

describe("administration", function()
    local w, admin

    setup(function()
        w = world.start()
        admin = w:admin()
    end)
    teardown(function()
        w:stop()
    end)

    local function act(kind, id, action, body, who)
        return w:request("POST", ("/api/admin/%s/%s/%s"):format(kind, id, action), who or admin,
            body)
    end
    local function log_of(object)
        return w:expect(200, "GET", "/api/admin/audit-log?object=" .. object, admin).data
    end

    describe("of vendors", function()
        local steps = {
            { "PENDING", "approve", "ACTIVE" }, { "PENDING", "reject", "REJECTED" },
            { "PENDING", "suspend" }, { "PENDING", "reinstate" },
            { "ACTIVE", "approve" }, { "ACTIVE", "reject" }, { "ACTIVE", "suspend", "SUSPENDED" },
            { "ACTIVE", "reinstate" },
            { "SUSPENDED", "reinstate", "ACTIVE" }, { "SUSPENDED", "approve" },
                { "SUSPENDED", "suspend" },
            { "REJECTED", "approve" }, { "REJECTED", "reinstate" }, { "REJECTED", "suspend" },
        }
        local vendor
        setup(function()
            vendor = w:register("VENDOR")
        end)
        for _, case in ipairs(steps) do
            local from, action, to = unpack(case, 1, 3)
            it(("%ss one that is %s: %s"):format(action, from, to or "409"), function()
                w.db:query("update vendors set status = '" .. from .. "' where id = '"
                    .. vendor.vendor_id .. "'")
                local answer = act("vendors", vendor.vendor_id, action, { reason = "spec" })
                assert.equal(to and 200 or 409, answer.status)
                assert.equal(to or from,
                    w.db:value("select status from vendors where id = '" .. vendor.vendor_id
                    .. "'"))
            end)
        end
        it("keeps the reason, and tells others by an event", function()
            local pending = w:register("VENDOR")
            act("vendors", pending.vendor_id, "reject", { reason = "No papers" })
            assert.equal("No papers", log_of("vendor:" .. pending.vendor_id)[1].reason)
            assert.equal(1,
                w.db:value("select count(*) from outbox_events where type = 'vendor.rejected'"
                .. " and data ->> 'vendorId' = '" .. pending.vendor_id .. "'"))
        end)
        it("lists them by status", function()
            local pending = w:register("VENDOR")
            local list = w:expect(200, "GET", "/api/admin/vendors?status=PENDING", admin)
            assert.equal(pending.vendor_id, list.data[1].id)
        end)
    end)
end)
