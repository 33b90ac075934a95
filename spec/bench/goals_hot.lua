--- The goals of one hot product.
local plan = require("spec.bench.plan")

local function ratio_of(a, b, figure)
    return function()
        local x = plan.find("hot", a[1], a[2], "10k", a[3])
        local y = plan.find("hot", b[1], b[2], "10k", b[3])
        return x and y and y[figure] > 0 and x[figure] / y[figure] or nil
    end
end

return function(list)
    local function add(text, op, bound, unit, measure)
        list[#list + 1] = { "hot", text, op, bound, unit, measure }
    end
    local function fact(name)
        return function()
            return plan.facts[name]
        end
    end
    add("hot product, 64 clients: reservations a second over the best of one statement each",
        ">=", 20, "x",
        fact("hot_reserve_ratio"))
    add("hot product, 64 clients: whole checkouts over pgbench's, pipelined, one by one", ">=", 2.5,
        "x", ratio_of({ "whole checkouts", "souk", 64 },
            { "whole checkouts", "pgbench, pipelined", 64 }, "rate"))
    add("hot product: sold-out answers a second over sales", ">=", 10, "x",
        ratio_of({ "sold out", "souk", 64 }, { "whole checkouts", "souk", 64 }, "rate"))
    add("hot product, a lone client: rate over that with gathering off", ">=", 0.95, "x",
        fact("hot_lone_ratio"))
    add("hot product: units sold beyond the stock", "<=", 0, "units", fact("hot_oversold"))
    add("hot product: orders answered 201 and not in the database", "<=", 0, "orders",
        fact("hot_lost"))
    add("hot product, a worker killed with -9 meanwhile: orders answered 201 and not in the "
        .. "database", "<=", 0, "orders", fact("hot_lost_killed"))
    add("hot product: rules of the books broken afterwards", "<=", 0, "rules", fact("hot_broken"))
end
