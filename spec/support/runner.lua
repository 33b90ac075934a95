--- Runs busted inside a worker: core.* is there, and specs may wait, since the whole run is one
-- coroutine. Called by `souk spec FILE…`; the arguments are busted's own.

-- busted ends with os.exit, which would close the state that runs it: it becomes an unwinding.
local EXIT = {}

local function run_busted(arguments)
    local code = 0
    local exit = os.exit
    os.exit = function(status)
        code = status == true and 0 or status or 0
        error(EXIT)
    end
    _G.arg = arguments
    arguments[0] = "souk spec"
    table.insert(arguments, 1, "--ignore-lua")
    local ok, problem = pcall(function()
        require("busted.runner")({ standalone = false })
    end)
    os.exit = exit
    if not ok and problem ~= EXIT then
        return nil, { message = tostring(problem) }
    end
    return code
end

return function(...)
    local code, problem = run_busted({ ... })
    io.stdout:flush()
    if not code then
        return nil, problem
    end
    if code ~= 0 then
        return nil, { message = "" }
    end
    return ""
end
