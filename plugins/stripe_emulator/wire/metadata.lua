--- Metadata as Stripe changes it: keys are merged, an empty value removes its key, unsetting the
-- whole clears it.
local params = require("stripe_emulator.wire.params")

local metadata = {}

--- asked: checked by params.metadata, or nil; before: what stood there, or nil. A new table.
function metadata.merge(asked, before)
    local out = {}
    if asked == params.UNSET then
        return out
    end
    for key, value in pairs(before or {}) do
        out[key] = value
    end
    for key, value in pairs(asked or {}) do
        out[key] = value ~= "" and value or nil
    end
    return out
end

return metadata
