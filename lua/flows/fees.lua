--- What the fee policy says of the vendors' parts of an order, checked: a policy is edited by
--- operators, so its answer is input. A version that fails, or answers nonsense, is told of and the
--- last good one prices the order; there is never a fee of 0 by accident.
local json = require("core.json")
local policies = require("flows.policies")

local fees = {}

local POLICY = "fee"
local LINES_MAX = 20
local NAME_MAX = 100
local DISCOUNT = "discount borne by the platform"

local function is_amount(value, max)
    return type(value) == "number" and value >= 0 and value <= max and value % 1 == 0
end

local function is_named(line)
    return type(line) == "table" and type(line.name) == "string" and #line.name > 0
        and #line.name <= NAME_MAX
end

--- A line may name the product that it is for: one of the part's.
local function is_for_known(line, items)
    if line.product_id == nil then
        return true
    end
    for _, item in ipairs(items or {}) do
        if item.product_id == line.product_id then
            return true
        end
    end
    return false
end

--- A line, with room for what says whose it is (flows.checkout).
local function new_line(name, amount)
    return { name = name, amount = amount, order_id = nil, part_id = nil, position = nil }
end

local function check_lines(lines, subtotal, items)
    if type(lines) ~= "table" or #lines == 0 or #lines > LINES_MAX then
        return nil, "lines must be a list of 1 to " .. LINES_MAX
    end
    local clean, fee = { nil, nil }, 0
    for i, line in ipairs(lines) do
        if not is_named(line) then
            return nil, "line " .. i .. " needs a name"
        elseif not is_amount(line.amount, subtotal) then
            return nil, "line " .. i .. " must be a whole amount from 0 to the subtotal"
        elseif not is_for_known(line, items) then
            return nil, "line " .. i .. " is for a product that is not in the order"
        end
        fee = fee + line.amount
        clean[i] = new_line(line.name, line.amount)
    end
    if fee > subtotal then
        return nil, "the lines add up to more than the subtotal"
    end
    return fee, clean
end

--- The fee and its lines; or nil and what is wrong with them.
local function check_amounts(result, subtotal, items)
    if result.lines ~= nil then
        return check_lines(result.lines, subtotal, items)
    elseif not is_amount(result.fee, subtotal) then
        return nil, "line 1 must be a whole amount from 0 to the subtotal"
    end
    return result.fee, { new_line("commission", result.fee) }
end

--- Fee, lines and reason of a policy's result; or nil and what is wrong with it.
local function read(result, subtotal, items)
    if type(result) ~= "table" then
        return nil, "the result must be a table"
    end
    local fee, lines = check_amounts(result, subtotal, items)
    if not fee then
        return nil, lines
    elseif result.fee ~= nil and result.fee ~= fee then
        return nil, "fee is not the sum of its lines"
    end
    return fee, lines, type(result.reason) == "string" and result.reason:sub(1, 200) or ""
end

--- A policy's result as {fee, lines, reason}; or nil and what is wrong with it. items: those of
--- the part, for lines that name a product.
function fees.check(result, subtotal, items)
    local fee, lines, reason = read(result, subtotal, items)
    if not fee then
        return nil, lines
    end
    return { fee = fee, lines = lines, reason = reason }
end

--- What version hash of the policy says of one part: {fee, lines, reason, version, input,
--- platform_discount} where input is the JSON to keep (text, when it was made already); or nil and
--- why not. A discount that the platform bears comes out of its fee, and ends where the fee does.
function fees.by(hash, input, text)
    local result, why = policies.evaluate_by(POLICY, hash, input)
    if not result then
        return nil, why
    end
    local fee, lines, reason = read(result, input.subtotal, input.items)
    if not fee then
        return nil, lines
    end
    local discount = math.min(input.platform_discount or 0, fee)
    if discount > 0 then
        table.insert(lines, new_line(DISCOUNT, -discount))
    end
    return {
        fee = fee - discount, lines = lines, reason = reason, version = hash,
        input = text or json.encode(input), platform_discount = discount,
    }
end

local function all_by(hash, inputs, texts)
    local list = { nil, nil, nil, nil } -- room for what most orders have
    for i, input in ipairs(inputs) do
        local fee, why = fees.by(hash, input, texts[i])
        if not fee then
            return nil, why
        end
        list[i] = fee
    end
    return list
end

--- The fees of an order's parts, all by one version. inputs: see lua/policies/README.md; known: the
--- version's hash, when it was read already; texts: the inputs as JSON. Returns a list like inputs;
--- or nil, err.
function fees.of(inputs, buyer_id, known, texts)
    return policies.with_active(POLICY, buyer_id, known, all_by, inputs, texts)
end

--- The fee that a version makes of a stored input; nil and why when it refuses.
function fees.again(hash, input_text)
    local input = json.decode(input_text)
    if not input then
        return nil, "the stored input is no JSON"
    end
    local fee, why = fees.by(hash, input)
    return fee and fee.fee, why
end

return fees
