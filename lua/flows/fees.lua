--- What the fee policy says of one vendor's part, checked: a policy is edited by operators, so its
--- answer is input. A policy that fails, or answers nonsense, fails the request before anything is
--- written; there is never a fee of 0 by accident.
local json = require("core.json")
local log = require("core.log")
local policy = require("core.policy")
local err = require("souk.err")

local fees = {}

local POLICY = "fee"
local LINES_MAX = 20
local NAME_MAX = 100

local function is_amount(value, max)
    return type(value) == "number" and value >= 0 and value <= max and value % 1 == 0
end

local function is_named(line)
    return type(line) == "table" and type(line.name) == "string" and #line.name > 0
        and #line.name <= NAME_MAX
end

local function check_lines(lines, subtotal)
    if type(lines) ~= "table" or #lines == 0 or #lines > LINES_MAX then
        return nil, "lines must be a list of 1 to " .. LINES_MAX
    end
    local clean, fee = {}, 0
    for i, line in ipairs(lines) do
        if not is_named(line) then
            return nil, "line " .. i .. " needs a name"
        elseif not is_amount(line.amount, subtotal) then
            return nil, "line " .. i .. " must be a whole amount from 0 to the subtotal"
        end
        fee = fee + line.amount
        clean[i] = { name = line.name, amount = line.amount }
    end
    if fee > subtotal then
        return nil, "the lines add up to more than the subtotal"
    end
    return { fee = fee, lines = clean }
end

--- A policy's result as {fee, lines, reason}; or nil and what is wrong with it.
function fees.check(result, subtotal)
    if type(result) ~= "table" then
        return nil, "the result must be a table"
    end
    local lines = result.lines
    if lines == nil then
        lines = { { name = "commission", amount = result.fee } }
    end
    local checked, problem = check_lines(lines, subtotal)
    if not checked then
        return nil, problem
    elseif result.fee ~= nil and result.fee ~= checked.fee then
        return nil, "fee is not the sum of its lines"
    end
    checked.reason = type(result.reason) == "string" and result.reason:sub(1, 200) or ""
    return checked
end

--- input: design of the policy's input (lua/policies/README.md). Returns {fee, lines, reason,
--- version, input} where input is the JSON to keep; or nil, err.
function fees.of(input)
    local result, version = policy.evaluate(POLICY, input)
    local checked, problem
    if result then
        checked, problem = fees.check(result, input.subtotal)
    else
        problem = version
    end
    if not checked then
        log.error("policy.fee.refused", { problem = problem, version = policy.version(POLICY) })
        return nil, err.internal()
    end
    checked.version = version
    checked.input = json.encode(input)
    return checked
end

--- The fee that the policy of today makes of a stored input; nil when it refuses.
function fees.again(input_text)
    local input = json.decode(input_text)
    local result = input and policy.evaluate(POLICY, input)
    local checked = result and fees.check(result, input.subtotal)
    return checked and checked.fee
end

function fees.version()
    return policy.version(POLICY)
end

return fees
