--- plugins/REFERENCE.md is what the code says, it tells of all that plugins have, and its examples
--- run.
local environment = require("souk.plugin.environment")
local plugin_admin = require("flows.plugin_admin")
local reference = require("spec.support.reference")
local shell = require("spec.support.shell")

local PATH = "plugins/REFERENCE.md"

local function wishlist()
    return environment.of({ name = "wishlist", granted = { "db", "fetch" }, settings = {} })
end

--- The functions of a module as a plugin has it: what stands behind its read-only view.
local function functions_behind(module)
    local names = {}
    local view = wishlist().require(module)
    for name, value in pairs(debug.getmetatable(view).__index) do
        if type(value) == "function" then
            names[#names + 1] = name
        end
    end
    return names
end

describe(PATH, function()
    setup(function()
        assert(plugin_admin.enable("wishlist", { grant = "all" }))
    end)

    it("is what the comments of the code say", function()
        if os.getenv("SOUK_REFERENCE") == "write" then
            shell.write(PATH, reference.text())
        end
        assert.is_true(reference.text() == shell.read(PATH),
            "SOUK_REFERENCE=write ./souk test spec/tidy/reference_spec.lua writes it anew")
    end)

    it("tells of every function that plugins have, and of no other", function()
        for _, section in ipairs(reference.SECTIONS) do
            if section.module then
                local told, had = {}, {}
                for _, entry in ipairs(reference.entries(section)) do
                    told[entry.name] = true
                end
                for _, row in ipairs(section.module == "souk.err" and reference.refusals() or {}) do
                    told[row.name] = true
                end
                for _, name in ipairs(functions_behind(section.module)) do
                    had[name] = true
                    assert.is_true(told[name], section.module .. "." .. name .. " is not told of")
                end
                told.NAME, told.null = nil, nil
                for name in pairs(told) do
                    assert.is_true(had[name], section.module .. "." .. name .. " is not there")
                end
            end
        end
    end)

    for _, section in ipairs(reference.SECTIONS) do
        for _, entry in ipairs(reference.entries(section)) do
            it(("has an example of %s that runs, and says what it does"):format(entry.call),
                function()
                    assert.is_true(#entry.said > 0)
                    assert.is_true(#(entry.example or "") > 0)
                    local chunk = assert(loadstring(reference.prelude() .. "\n" .. entry.example,
                        "@example of " .. entry.call))
                    local is_ok, problem = pcall(setfenv(chunk, wishlist()))
                    assert.is_true(is_ok, tostring(problem))
                end)
        end
    end
end)
