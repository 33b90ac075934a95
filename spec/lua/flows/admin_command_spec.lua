local shell = require("spec.support.shell")
local world = require("spec.support.world")

describe("the command line", function()
    local w

    setup(function()
        w = world.start()
    end)
    teardown(function()
        w:stop()
    end)

    describe("souk admin create", function()
        local function create(arguments, input)
            return shell.run(("%s | SOUK_HOME=%s DATABASE_URL=%s %s admin create %s "
                .. "--conf conf/test.conf 2>&1"):format(
                input or "true", shell.quote(w.server.home), shell.quote(w.db.url), w.server.binary,
                    arguments))
        end
        local function may_log_in(email, password)
            return w:request("POST", "/api/auth/login", nil,
                { email = email, password = password }).status == 200
        end
        it("reads the password from standard input", function()
            local _, code = create("--email Piped@souk.test --password -", "echo 'piped password'")
            assert.equal(0, code)
            assert.is_true(may_log_in("piped@souk.test", "piped password"))
        end)
        it("gives an administrator a new password", function()
            create("--email again@souk.test --password first-password")
            create("--email again@souk.test --password second-password")
            assert.is_false(may_log_in("again@souk.test", "first-password"))
            assert.is_true(may_log_in("again@souk.test", "second-password"))
        end)
        it("refuses a buyer's e-mail, a bad one, and a short password", function()
            local buyer = w:buyer()
            for _, arguments in ipairs({
                "--email " .. buyer.email .. " --password long-enough",
                    "--email nobody --password long-enough",
                "--email x@souk.test --password short", "--email x@souk.test",
                    "--password long-enough", "",
            }) do
                local _, code = create(arguments)
                assert.is_not.equal(0, code, arguments)
            end
            assert.is_true(may_log_in(buyer.email, buyer.password))
        end)
    end)
end)
