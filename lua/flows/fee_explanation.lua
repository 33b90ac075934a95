--- Why an order's fees are what they are: the version that priced it runs again on the input it was
--- given, line by line.
local json = require("core.json")
local db = require("souk.db")
local err = require("souk.err")
local money = require("souk.money")
local fees = require("flows.fees")
local policies = require("flows.policies")

local fee_explanation = {}

function fee_explanation.schema(s)
    local line = s.object({ name = s.string({ example = "commission" }), amount = s.money() })
    local fee = s.object({
        fee = s.money(), lines = s.array(line), reason = s.string({ example = "bps:1000" }),
    })
    return s.object({
        orderId = s.uuid(),
        isReproduced = s.boolean(),
        vendorOrders = s.array(s.object({
            id = s.uuid(), vendorId = s.uuid(), subtotal = s.money(),
            policy = s.object({
                name = s.string({ example = "fee" }),
                version = s.nullable(s.integer({ min = 1, example = 7 })),
                hash = s.string(),
            }),
            input = s.any(),
            stored = fee,
            again = s.nullable(fee),
            isReproduced = s.boolean(),
            problem = s.nullable(s.string()),
            steps = s.array(s.object({
                line = s.integer({ min = 1 }), text = s.string(),
                values = s.attributes({ max = 100 }),
            })),
        })),
    })
end

local function line_views(lines, currency)
    local views = json.array({})
    for i, line in ipairs(lines) do
        views[i] = { name = line.name, amount = money.of(line.amount, currency) }
    end
    return views
end

local function fee_view(checked, currency)
    return {
        fee = money.of(checked.fee, currency), lines = line_views(checked.lines, currency),
        reason = checked.reason,
    }
end

local function source_lines(source)
    local lines = {}
    for line in ((source or "") .. "\n"):gmatch("([^\n]*)\n") do
        lines[#lines + 1] = line
    end
    return lines
end

--- The steps with the text of their lines.
local function step_views(steps_text, source)
    local views, lines = json.array({}), source_lines(source)
    for i, step in ipairs(json.decode(steps_text) or {}) do
        views[i] = {
            line = step.line, values = json.object(step.values),
            text = (lines[step.line] or ""):match("^%s*(.-)%s*$"),
        }
    end
    return views
end

local function stored_of(row)
    return {
        fee = money.of(row.fee_minor, row.currency), reason = row.fee_reason,
        lines = row.lines and json.raw(tostring(row.lines)) or json.array({}),
    }
end

local function explain(row)
    local input = json.decode(tostring(row.fee_input))
    local result, why, steps = policies.explain_by(row.fee_policy, row.fee_policy_version, input)
    local checked
    if result then
        steps = why
        checked, why = fees.check(result, row.subtotal_minor, input.items)
    end
    return {
        id = row.id, vendorId = row.vendor_id,
        subtotal = money.of(row.subtotal_minor, row.currency),
        policy = {
            name = row.fee_policy, version = row.version or json.null,
            hash = row.fee_policy_version,
        },
        input = json.object(input), stored = stored_of(row),
        again = checked and fee_view(checked, row.currency) or json.null,
        isReproduced = checked ~= nil and checked.fee == row.fee_minor,
        problem = not checked and tostring(why) or json.null,
        steps = step_views(steps, row.source),
    }
end

--- The answer of GET /admin/orders/{id}/fee-explain; or nil, err.
function fee_explanation.of(order_id)
    local rows, problem = db.query("policy/explain", order_id)
    if not rows then
        return nil, problem
    elseif #rows == 0 then
        return nil, err.not_found()
    end
    local parts, is_reproduced = json.array({}), true
    for i, row in ipairs(rows) do
        parts[i] = explain(row)
        is_reproduced = is_reproduced and parts[i].isReproduced
    end
    return { orderId = order_id, isReproduced = is_reproduced, vendorOrders = parts }
end

return fee_explanation
