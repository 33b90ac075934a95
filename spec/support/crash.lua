--- Crash points: places in the code where a process kills itself when the file <home>/crash.at
--- names them (core/base/crash.def lists them).
local shell = require("spec.support.shell")

local crash = {}

--- All labels, in the order of the list.
function crash.labels()
    local labels = {}
    for label in (shell.read("core/base/crash.def") or ""):gmatch('CRASH%("([%w_.]+)"') do
        labels[#labels + 1] = label
    end
    return labels
end

local function path_of(process)
    return process.home .. "/crash.at"
end

--- The process (spec.support.server) dies when it comes to this label, after passing it `skip`
--- times; scope: worker, or server (with the master and all others).
function crash.arm(process, label, skip, scope)
    shell.write(path_of(process), ("%s %d %s\n"):format(label, skip or 0, scope or "server"))
    process.crash_label = label
end

--- The label at which it has died since it was armed, once; or nil.
function crash.fired(process)
    local label = process.crash_label
    if not label or shell.read(path_of(process)) then
        return nil
    end
    process.crash_label = nil
    return label
end

function crash.disarm(process)
    os.remove(path_of(process))
    process.crash_label = nil
end

return crash
