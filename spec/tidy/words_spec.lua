--- What is said twice must be the same: settings, errors, folders.
local shell = require("spec.support.shell")
local tree = require("spec.support.tree")

local function assert_none(problems)
    assert.equal("", table.concat(problems, "\n"))
end

--- The rows of conf.def: {key, type, default, low, high, why} and the variable of each key.
local function settings()
    local rows, variable_of = {}, {}
    local text = shell.read("core/base/conf.def"):gsub('"%s*\n%s*"', "")
    for key, kind, default, low, high, why in
        text:gmatch('CONF%("([^"]+)",%s*(%u+),%s*"([^"]*)",%s*(%d+),%s*(%d+),%s*"([^"]*)"%)') do
        rows[#rows + 1] = {
            key = key, kind = kind, default = default, low = low, high = high, why = why,
        }
    end
    for variable, key in text:gmatch('CONF_ENV%("([^"]+)",%s*"([^"]+)"%)') do
        variable_of[key] = variable
    end
    return rows, variable_of
end

local KINDS = { TEXT = "text", SECRET = "text, secret", BOOL = "true or false" }

describe("conf/souk.conf", function()
    it("has every setting with its unit, default and reason, in the order of conf.def", function()
        local rows, variable_of = settings()
        assert.is_true(#rows > 40)
        local conf, problems, from = shell.read("conf/souk.conf"), {}, 1
        for _, row in ipairs(rows) do
            local kind = KINDS[row.kind] or ("whole number, %s to %s"):format(row.low, row.high)
            local variable = variable_of[row.key]
            local text = ("# %s\n# (%s%s)\n# %s =%s\n"):format(row.why, kind,
                variable and "; environment: " .. variable or "", row.key,
                row.default ~= "" and " " .. row.default or "")
            local first, last = conf:find(text, from, true)
            if not first then
                problems[#problems + 1] = text
            end
            from = last or from
        end
        assert_none(problems)
    end)

    it("has no setting that the server does not know", function()
        local known, problems = {}, {}
        for _, row in ipairs((settings())) do
            known[row.key] = true
        end
        for key in shell.read("conf/souk.conf"):gmatch("\n# ([%l_.]+) =") do
            if not known[key] then
                problems[#problems + 1] = key
            end
        end
        assert_none(problems)
    end)
end)

describe("core/base/err.def", function()
    local function errors()
        local text = shell.read("core/base/err.def"):gsub('"%s*\n%s*"', "")
        return text:gmatch('\n%s*ERR%(([%u_]+),%s*(%d+),%s*"([%l_]+)",%s*([^,]+),')
    end

    it("gives every code to the document", function()
        local document = shell.must((os.getenv("SOUK_BINARY") or "build/sanitize/souk")
            .. " openapi --conf conf/test.conf 2>/dev/null")
        local problems, count = {}, 0
        for _, status, code in errors() do
            count = count + 1
            if not document:find('"' .. code .. '"', 1, true) then
                problems[#problems + 1] = status .. " " .. code
            end
        end
        assert.is_true(count > 40)
        assert_none(problems)
    end)

    it("gives each SQLSTATE one meaning, and SQL raises no other", function()
        local known, problems = {}, {}
        for name, _, _, sqlstate in errors() do
            local state = sqlstate:match('"(SK%d%d%d)"')
            if state and known[state] then
                problems[#problems + 1] = name .. " " .. state
            end
            known[state or ""] = true
        end
        for _, path in ipairs(tree.files("%.sql$", "sql")) do
            for state in shell.read(path):gmatch("'(SK%d%d%d)'") do
                if not known[state] then
                    problems[#problems + 1] = path .. ": " .. state
                end
            end
        end
        assert_none(problems)
    end)

    it("names constraints that exist", function()
        local schema, problems = "", {}
        for _, path in ipairs(tree.files("%.sql$", "sql/migrations")) do
            schema = schema .. shell.read(path)
        end
        for name in shell.read("core/base/err.def"):gmatch("\nERR_CONSTRAINT%(([%w_]+),") do
            if not schema:find(name, 1, true) then
                problems[#problems + 1] = name
            end
        end
        assert_none(problems)
    end)
end)

describe("folders", function()
    it("say in a README what they own", function()
        local problems = {}
        local folders = tree.folders("find core plugins -mindepth 1 -maxdepth 1 -type d "
            .. "-not -empty | sort; "
            .. "printf '%s\\n' core lua plugins sql spec conf lua/policies sql/seeds")
        for _, folder in ipairs(folders) do
            if not shell.read(folder .. "/README.md") then
                problems[#problems + 1] = folder
            end
        end
        assert_none(problems)
    end)

    it("mirror routes and flows by specs", function()
        local problems = {}
        for _, path in ipairs(tree.files("%.lua$", "lua/routes lua/flows lua/policies")) do
            local spec = "spec/" .. path:gsub("%.lua$", "_spec.lua")
            if not shell.read(spec) and not path:find("cases") then
                problems[#problems + 1] = spec
            end
        end
        assert_none(problems)
    end)
end)
