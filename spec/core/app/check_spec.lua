--- What keeps the application from loading is told with its place, and who asked for that file;
--- nothing of the C underneath.
local shell = require("spec.support.shell")

local BINARY = os.getenv("SOUK_BINARY") or "build/sanitize/souk"

describe("souk check", function()
    local lua_dir = os.getenv("SOUK_HOME") .. "/lua"

    setup(function()
        shell.must("cp -r lua " .. shell.quote(lua_dir))
    end)

    local function check()
        return shell.run(("%s check --conf conf/test.conf --set lua.dir=%s"):format(BINARY,
            shell.quote(lua_dir)))
    end

    it("takes what loads", function()
        local output, code = check()
        assert.equal(0, code, output)
    end)

    local broken = {
        { "routes/docs.lua", "x = = 1", "lua/routes/docs.lua:1: unexpected symbol near '='\n" },
        { "flows/sold_out.lua", "local none\nreturn none.here",
            "lua/flows/sold_out.lua:2: attempt to index local 'none' (a nil value)\n"
            .. "\tfrom lua/routes/cart.lua:N\n" },
        { "flows/sold_out.lua", "error({})", "an error was raised that is no text\n"
            .. "\tfrom lua/flows/sold_out.lua:1\n\tfrom lua/routes/cart.lua:N\n" },
        { "boot.lua", "retrun 1", "lua/boot.lua:1: '=' expected near '1'\n" },
    }
    for _, case in ipairs(broken) do
        it("says where " .. case[1] .. " breaks: " .. case[3]:match("^[^\n]+"), function()
            local file = lua_dir .. "/" .. case[1]
            local whole = shell.read(file)
            shell.write(file, case[2])
            local output, code = check()
            shell.write(file, whole)
            assert.equal(1, code)
            assert.equal(case[3], (output:gsub("(cart%.lua:)%d+", "%1N")))
        end)
    end
end)
