--- The switch, with a look before it: what a version would have made of the latest orders.
local conf = require("core.conf")
local err = require("souk.err")
local policies = require("flows.policies")
local policy_simulation = require("flows.policy_simulation")

local policy_activation = {}

local function refusal_of(count)
    if count.errors > 0 then
        local first = count.samples[1]
        return ("it fails on %d of the latest %d orders, first: %s"):format(count.errors,
            count.orders, tostring(first.message))
    end
    local most = tonumber(conf("policy.moved_max_percent"))
    if count.moved * 100 > count.orders * most then
        return ("it moves the fee of %d of the latest %d orders by more than %d basis points; "
            .. "%d %% are allowed"):format(count.moved, count.orders,
            policy_simulation.limit_bps(), most)
    end
    return nil
end

--- Why a version of the fee policy should not be let loose; nil when nothing speaks against it. Or
--- nil, err.
function policy_activation.refusal(name, hash)
    if name ~= "fee" then
        return nil
    end
    local count, problem = policy_simulation.look(hash)
    if not count then
        return nil, problem
    end
    return refusal_of(count)
end

--- options as policies.activate, and force. true, or nil, err.
function policy_activation.activate(name, row, options)
    if not options.force then
        local why, problem = policy_activation.refusal(name, row.hash)
        if problem then
            return nil, problem
        elseif why then
            return nil, err.policy_moves_too_much(why .. ": simulate it, or activate by force")
        end
    end
    return policies.activate(name, row, options)
end

return policy_activation
