--- Makes a generation: loads every route, gathers timers, and hands the bridge one table. Nothing
-- here outlives the generation; a reload runs it again in a fresh state.
local openapi = require("souk.openapi")
local plugins = require("souk.plugin.loader")
local timers = require("souk.timers")
local web = require("souk.web")

--- The files of lua/routes, in the order of the document.
local ROUTES = {
    "auth", "users", "products", "product_edit", "product_images", "inventory", "categories",
    "vendors", "vendor_profile", "vendor_products", "cart", "checkout", "orders", "payments",
    "reviews", "vendor_orders", "vendor_disputes", "vendor_refunds", "vendor_money",
    "vendor_stripe", "vendor_bank_payouts", "vendor_statements", "vendor_dashboard", "webhooks",
    "admin_users", "admin_vendors", "admin_categories", "admin_orders", "admin_disputes",
    "admin_refunds", "admin_payouts", "admin_bank_payouts", "admin_money", "admin_ledger",
    "admin_adjustments", "admin_reconciliations", "admin_invariants", "admin_policies",
    "admin_audit_log", "admin_plugins", "admin_generation", "docs",
}

for _, name in ipairs(ROUTES) do
    require("routes." .. name)
end

plugins.load()

--- One line a route: method, path, who, id.
local function routes_text()
    local lines = {}
    for i, route in ipairs(web.routes) do
        local roles = route.decl.roles
        local who = roles == false and "anyone" or type(roles) == "table"
            and table.concat(roles, " ") or roles
        lines[i] = ("%-7s %-50s %-16s %s"):format(route.method, route.path, who, route.id)
    end
    return table.concat(lines, "\n")
end

return {
    routes = web.routes,
    timers = timers.with(require("flows.timers"), plugins.timers()),
    openapi = function()
        return openapi.text(web.routes)
    end,
    routes_text = routes_text,
}
