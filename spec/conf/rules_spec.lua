-- Alerts that name a metric nobody exports would never fire.
local client = require("spec.support.client")
local database = require("spec.support.database")
local server_process = require("spec.support.server")
local shell = require("spec.support.shell")

describe("conf/prometheus-rules.yml", function()
    it("names only metrics that a running server exports", function()
        local server = server_process.start({
            db = database.fresh(), set = { ["invariants.every_s"] = 1 },
        })
        client.request({ port = server.port, path = "/api/products" })
        local page
        shell.wait_until("the gauges are set", 30, function()
            page = client.request({ port = server.metrics_port, path = "/metrics" }).body
            return page:find("\ndb_pool_connections", 1, true)
                and page:find("\nsouk_geo_age_ms", 1, true)
                and page:find("\nsouk_invariant_violations", 1, true)
                and page:find("\nsouk_reconciliation_findings", 1, true)
        end)
        server:stop()
        local count = 0
        for expression in shell.read("conf/prometheus-rules.yml"):gmatch("expr: ([^\n]+)") do
            for name in expression:gmatch("%f[%w_]([a-z]+_[a-z_]+)%f[^%w_]") do
                if name ~= "histogram_quantile" then
                    count = count + 1
                    assert.matches("\n# TYPE " .. name:gsub("_bucket$", "") .. " ", page, 1, true)
                end
            end
        end
        assert.is_true(count >= 8)
    end)
end)
