--- What is wrong with the settings is said before anything is started.
local shell = require("spec.support.shell")

local BINARY = os.getenv("SOUK_BINARY") or "build/sanitize/souk"

describe("settings", function()
    local refused = {
        { "currency=usd", "three capitals" },
        { "stripe.secret_key=sk_live_1", "stripe.live" },
        { "http.tls_cert_file=/nowhere.pem", "set both files" },
        { "http.workers=many", "whole number" },
        { "no.such=1", "conf/souk.conf lists them all" },
    }
    for _, case in ipairs(refused) do
        it("refuse " .. case[1], function()
            for _, command in ipairs({ "conf", "serve" }) do
                local output, code = shell.run(("timeout 20 %s %s --set %s"):format(
                    BINARY, command, case[1]))
                assert.is_true(code ~= 0)
                assert.matches(case[2], output, 1, true)
            end
        end)
    end

    it("refuse TLS files that cannot be read", function()
        local output, code = shell.run(BINARY .. " conf --set http.tls_cert_file=/nowhere.pem"
            .. " --set http.tls_key_file=/nowhere.pem")
        assert.equal(1, code)
        assert.matches("cannot be read", output, 1, true)
    end)

    it("name a home that is made when it is not there, or say what to do", function()
        local home = os.getenv("SOUK_HOME") .. "/not_there_yet"
        local function serve(at)
            return shell.run(("timeout 20 %s serve --set lua.dir=/nowhere --set home=%s"):format(
                BINARY, shell.quote(at)))
        end
        serve(home)
        shell.must("test -d " .. shell.quote(home))
        local output, code = serve("/dev/null/home")
        assert.equal(1, code)
        assert.matches("make the folder that home names", output, 1, true)
    end)

    it("are printed without secrets", function()
        local output = shell.must(BINARY .. " conf --set stripe.secret_key=sk_test_very_private")
        assert.is_nil(output:find("very_private", 1, true))
    end)
end)
