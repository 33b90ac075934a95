--- What of the house's style can be checked, is.
local shell = require("spec.support.shell")
local tree = require("spec.support.tree")

local FILE_LINES_MAX = { c = 600, h = 200, lua = 600 }
local C_FUNCTION_MAX, LUA_FUNCTION_MAX = 70, 60
local C_PARAMETERS_MAX = 6 -- five are aimed at
local COLUMNS_MAX = 100

--- Folders of core that each may include, besides itself. Upward calls are callbacks.
local MAY_INCLUDE = {
    base = {}, crypto = { "base" }, geo = { "base" }, cache = { "base" }, loop = { "base" },
    db = { "loop", "base" }, http = { "loop", "base" }, fetch = { "loop", "base" },
    stripe = { "crypto", "http", "db", "fetch", "loop", "base" }, stock = { "db", "loop", "base" },
    bridge = { "stripe", "stock", "http", "db", "fetch", "loop", "crypto", "geo", "cache", "base" },
    ops = { "bridge", "stripe", "stock", "http", "db", "fetch", "loop", "crypto", "geo", "cache",
        "base" },
    app = { "ops", "bridge", "stripe", "stock", "http", "db", "fetch", "loop", "crypto", "geo",
        "cache", "base" },
}

--- Foreign libraries and the one folder that may know each.
local OWNERS = {
    ["lua%.h"] = "bridge", ["lauxlib%.h"] = "bridge", ["lualib%.h"] = "bridge",
    ["luajit%.h"] = "bridge", ["libpq%-fe%.h"] = "db", ["curl/"] = "fetch",
    ["event2/http"] = "nobody", ["jwt%.h"] = "crypto", ["crypt%.h"] = "crypto",
}

local function assert_none(problems)
    assert.equal("", table.concat(problems, "\n"))
end

describe("files", function()
    it("are not longer than their kind may be", function()
        local problems = {}
        for _, path in ipairs(tree.files("%.%a+$", "core lua plugins spec")) do
            local lines_max = FILE_LINES_MAX[path:match("%.(%a+)$")]
            local _, count = shell.read(path):gsub("\n", "")
            if lines_max and count > lines_max then
                problems[#problems + 1] = ("%s: %d lines"):format(path, count)
            end
        end
        assert_none(problems)
    end)

    it("have no line over 100 columns, no tab in code, no space at its end", function()
        local problems = {}
        for _, path in ipairs(tree.files("%.[chl]u?a?$", "core lua plugins spec")) do
            tree.each_line(path, function(line, number)
                local _, inner = line:gsub("[\128-\191]", "")
                if #line - inner > COLUMNS_MAX or line:find("\t") or line:find("%s$") then
                    problems[#problems + 1] = path .. ":" .. number
                end
            end)
        end
        assert_none(problems)
    end)

    it("name no machine, and keep no list of things to do", function()
        local words = { "/wo" .. "rk/", "/ho" .. "me/%a", "TO" .. "DO", "FIX" .. "ME" }
        local problems = {}
        for _, path in ipairs(tree.all()) do
            tree.each_line(path, function(line, number)
                for _, word in ipairs(words) do
                    if line:find(word) then
                        problems[#problems + 1] = path .. ":" .. number .. ": " .. word
                    end
                end
            end)
        end
        assert_none(problems)
    end)
end)

--- How many parameters the text before a function's brace declares; 0 when it is no function.
local function parameters_of(signature)
    local inner = signature:match("%((.*)%)%s*$")
    if not inner then
        return 0
    end
    local _, commas = inner:gsub("%b()", ""):gsub(",", "")
    return commas + 1
end

describe("C", function()
    it("includes downward only", function()
        local problems = {}
        for _, path in ipairs(tree.files("^core/%w+/.*%.[ch]$", "core")) do
            local folder = path:match("^core/(%w+)/")
            local allowed = { [folder] = true }
            for _, name in ipairs(assert(MAY_INCLUDE[folder], "unknown folder " .. folder)) do
                allowed[name] = true
            end
            tree.each_line(path, function(line, number)
                local included = line:match('^#include "(%w+)/')
                if line:find('^#include "') and not allowed[included or ""] then
                    problems[#problems + 1] = ("%s:%d: %s"):format(path, number, line)
                end
            end)
        end
        assert_none(problems)
    end)

    it("knows each foreign library in one folder", function()
        local problems = {}
        for _, path in ipairs(tree.files("^core/%w+/.*%.[ch]$", "core")) do
            local folder = path:match("^core/(%w+)/")
            tree.each_line(path, function(line)
                for header, owner in pairs(OWNERS) do
                    if line:find("^#include <" .. header) and folder ~= owner then
                        problems[#problems + 1] = path .. ": " .. line
                    end
                end
            end)
        end
        assert_none(problems)
    end)

    it("guards every header by its path", function()
        local problems = {}
        for _, path in ipairs(tree.files("^core/%w+/.*%.h$", "core")) do
            local guard = "SOUK_" .. path:gsub("^core/", ""):gsub("[/.]", "_"):upper()
            if not shell.read(path):find("#ifndef " .. guard .. "\n#define " .. guard, 1, true) then
                problems[#problems + 1] = path .. ": " .. guard
            end
        end
        assert_none(problems)
    end)

    it("has no function over 70 lines, and none with more than 6 parameters", function()
        local problems = {}
        for _, path in ipairs(tree.files("%.c$", "core")) do
            local began, signature = nil, ""
            tree.each_line(path, function(line, number)
                if line == "{" then
                    began = number
                    local count = parameters_of(signature)
                    if count > C_PARAMETERS_MAX then
                        problems[#problems + 1] = ("%s:%d: %d parameters"):format(path, number,
                            count)
                    end
                elseif line:find("^}") and began then
                    local length = number - began - 1
                    if length > C_FUNCTION_MAX then
                        problems[#problems + 1] = ("%s:%d: %d lines"):format(path, began, length)
                    end
                    began = nil
                end
                local is_between = began or line == "" or line:find("[;}#*/\\]%s*$")
                signature = is_between and "" or signature .. line
            end)
        end
        assert_none(problems)
    end)

    it("is formatted", function()
        local output = shell.run("find core -name '*.[ch]' | sort | "
            .. "xargs clang-format --dry-run 2>&1 | grep -c warning:")
        assert.equal("0", output:match("%d+"), "run ./souk fmt")
    end)
end)

describe("Lua", function()
    it("passes luacheck", function()
        local output, code = shell.run("luacheck -q --no-color lua plugins spec")
        assert.equal(0, code, output)
    end)

    it("has no function over 60 lines", function()
        local problems = {}
        for _, path in ipairs(tree.files("%.lua$", "lua plugins")) do
            local open = {}
            local is_spec = path:find("_spec%.lua$")
            tree.each_line(is_spec and "/dev/null" or path, function(line, number)
                local indent = line:match("^(%s*).*%f[%w]function%f[%W]")
                local is_code = indent and not line:find("^%s*%-%-")
                if is_code and not line:find("%f[%w]end%f[%W][^(]*$") then
                    open[#open + 1] = { indent = indent, number = number }
                end
                local top = open[#open]
                if top and line:find("^" .. top.indent .. "end%f[%W]") and number > top.number then
                    if number - top.number - 1 > LUA_FUNCTION_MAX then
                        problems[#problems + 1] = ("%s:%d: %d lines"):format(path, top.number,
                            number - top.number - 1)
                    end
                    open[#open] = nil
                end
            end)
        end
        assert_none(problems)
    end)

    it("reaches down only: the kit to no flow, a flow to no route", function()
        local problems = {}
        local forbidden = {
            ["^lua/flows/"] = { "^routes%." }, ["^lua/souk/"] = { "^routes%.", "^flows%." },
        }
        for _, path in ipairs(tree.files("%.lua$", "lua")) do
            for layer, modules in pairs(forbidden) do
                local text = path:find(layer) and shell.read(path) or ""
                for module in text:gmatch('require%("([^"]+)"%)') do
                    for _, pattern in ipairs(modules) do
                        if module:find(pattern) then
                            problems[#problems + 1] = path .. ": " .. module
                        end
                    end
                end
            end
        end
        assert_none(problems)
    end)
end)

describe("shell scripts", function()
    it("pass shellcheck", function()
        local output, code = shell.run(
            "shellcheck -x souk .ci/run $(find spec -name '*.sh' | sort)")
        assert.equal(0, code, output)
    end)

    it("keep the front door under 400 lines", function()
        local _, count = shell.read("souk"):gsub("\n", "")
        assert.is_true(count < 400)
    end)
end)
