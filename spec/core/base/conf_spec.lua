local shell = require("spec.support.shell")

local BINARY = os.getenv("SOUK_BINARY") or "build/sanitize/souk"

local file

--- What `souk conf` says under a file of these lines and this environment; its exit code.
local function conf_of(lines, arguments, environment)
    shell.write(file, table.concat(lines, "\n") .. "\n")
    return shell.run(("env -u SOUK_PORT -u DATABASE_URL %s %s conf --conf %s %s"):format(
        environment or "", BINARY, shell.quote(file), arguments or ""))
end

local function value_in(text, key)
    for line in text:gmatch("[^\n]+") do
        local found, value = line:match("^(%S+) = ?(.*)$")
        if found == key then
            return value
        end
    end
end

describe("a setting", function()
    setup(function()
        file = os.tmpname()
    end)
    teardown(function()
        os.remove(file)
    end)

    it("has its default without a file line", function()
        local text, code = conf_of({ "# nothing" })
        assert.equal(0, code)
        assert.equal("3001", value_in(text, "http.port"))
    end)

    it("comes from the file, spaces around it or not", function()
        local text = conf_of({ "", "  http.port=81", "currency  =  EUR  ", "#http.port = 82" })
        assert.equal("81", value_in(text, "http.port"))
        assert.equal("EUR", value_in(text, "currency"))
    end)

    it("keeps an equals sign inside its value", function()
        local text = conf_of({ "http.public_url = http://a/?b=c" })
        assert.equal("http://a/?b=c", value_in(text, "http.public_url"))
    end)

    it("comes from the environment before the file, from --set before both", function()
        local lines = { "http.port = 81" }
        assert.equal("82", value_in(conf_of(lines, "", "SOUK_PORT=82"), "http.port"))
        local text = conf_of(lines, "--set http.port=83", "SOUK_PORT=82")
        assert.equal("83", value_in(text, "http.port"))
    end)

    it("is not printed when it is a secret", function()
        local lines = { "stripe.secret_key = sk_test_hidden" }
        local text = conf_of(lines, "", "DATABASE_URL=hidden-too")
        assert.is_nil(text:find("hidden", 1, true))
    end)

    local refused = {
        { "http.prot = 1", "there is no setting http.prot" },
        { "http.port = 65536", "http.port must be a whole number from 0 to 65535" },
        { "http.port = -1", "http.port must be a whole number from 0 to 65535" },
        { "http.port = 80x", "http.port must be a whole number" },
        { "http.port = 8e1", "http.port must be a whole number" },
        { "http.port = 99999999999999999999", "http.port must be a whole number" },
        { "http.port =", "http.port must be a whole number" },
        { "stripe.live = yes", "stripe.live must be true or false" },
        { "log.level = loud", "log.level must be one of: debug info warn error" },
        { "env = prod", "env must be one of: development test production" },
        { "http.port", "a setting is written key = value" },
        { "home = a\1b", "home must be text without control characters" },
        { "home = a\0b", "home must be text without NUL" },
    }
    for _, case in ipairs(refused) do
        local line, expected = unpack(case)
        it("is refused with file, line and what is allowed: " .. line:gsub("%c", "?"), function()
            local text, code = conf_of({ "# one", "currency = USD", line })
            assert.not_equal(0, code)
            assert.truthy(text:find(file .. ":3: " .. expected, 1, true), text)
        end)
    end

    it("that is bad and secret is not repeated in the message", function()
        local text, code = conf_of({ "stripe.secret_key = sk_live_\1hidden" })
        assert.not_equal(0, code)
        assert.is_nil(text:find("hidden", 1, true))
    end)

    it("is refused by its name on the command line and in the environment", function()
        local text, code = conf_of({}, "--set http.port=x")
        assert.not_equal(0, code)
        assert.truthy(text:find("--set: http.port must be", 1, true))
        text, code = conf_of({}, "", "SOUK_PORT=x")
        assert.not_equal(0, code)
        assert.truthy(text:find("SOUK_PORT: http.port must be", 1, true))
    end)

    it("cannot come from a file that is not there", function()
        local text, code = shell.run(BINARY .. " conf --conf /nonexistent/souk.conf")
        assert.not_equal(0, code)
        assert.truthy(text:find("/nonexistent/souk.conf: cannot be read", 1, true))
    end)
end)
