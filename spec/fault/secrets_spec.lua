--- What the whole suite leaves behind is looked through for secrets, by run_file.sh after every
--- file. Here: that nothing planted is overlooked, and what a marketplace leaves.
local database = require("spec.support.database")
local emulator = require("spec.support.emulator")
local shell = require("spec.support.shell")
local story = require("spec.lua.story")
local world = require("spec.support.world")

local LEAKS = {
    { "a secret key", "sk_test_souk_specs" },
    { "a restricted key", "rk_live_51Habc" },
    { "a signing secret", "whsec_souk_specs" },
    { "a client secret", "pi_3Nx_secret_AbCdEf123" },
    { "a field of that name", '{"client_secret":"x1"}' },
    { "an Authorization header", "Authorization: Bearer abcdefghijklmnop.qr" },
    { "an access token", "eyJhbGciOiJIUzI1NiJ9.eyJz" },
    { "a password field", '{"password": "hunter2 hunter2"}' },
    { "the specs' password", world.PASSWORD },
    { "a refresh token", '{"refreshToken":"x"}' },
    { "a link to somebody's account", "http://127.0.0.1:1/connect/onboard/link_1" },
    { "a card number", "card 4242424242424242 visa" },
    { "a card number in groups", "4000 0025 0000 3155" },
    { "a shorter card number", "378282246310005" },
}

local HARMLESS = {
    "01a207b9-dc4b-7522-93b2-a4fd985399dd", "a_secret_", "the client_secret is not kept",
    '"ts":"2026-11-23T09:21:57.569Z","duration_us":4242', "acct_1Nx", "req_4242424242424242x",
    "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", "whsec", "$2b$04$abc",
}

local function scan(what)
    return shell.must("sh spec/support/secrets.sh " .. shell.quote(what))
end

local function quoted(text)
    return "$t$" .. text .. "$t$"
end

describe("spec/support/secrets.sh", function()
    local folder, db, of_harmless, of_leaks

    --- A table with the words as a text, in a list, and a document.
    local function plant(name, words, document)
        db:query(("create table %s (words text, list text[], document jsonb); "
            .. "insert into %s values (%s, array['', %s], %s)"):format(name, name, quoted(words),
            quoted(words), document))
    end

    setup(function()
        folder = shell.must("mktemp -d"):gsub("%s+$", "")
        db = database.fresh()
        local harmless = table.concat(HARMLESS, "\n")
        plant("harmless", harmless, "jsonb_build_array(1, " .. quoted(harmless) .. ")")
        of_harmless = scan(db.url)
        for i, leak in ipairs(LEAKS) do
            plant("planted" .. i, "before " .. leak[2] .. " after",
                leak[2]:find("^{") and "'" .. leak[2] .. "'" or "null")
        end
        of_leaks = scan(db.url)
    end)

    teardown(function()
        shell.must("rm -rf " .. folder)
        db:drop()
    end)

    for i, leak in ipairs(LEAKS) do
        it("finds " .. leak[1] .. " in logs and databases (scenario 59)", function()
            shell.write(folder .. "/log", "one line\nbefore " .. leak[2] .. " after\n")
            assert.truthy(scan(folder):find("log:", 1, true))
            for _, column in ipairs({ "words", "list", leak[2]:find("^{") and "document" }) do
                assert.truthy(of_leaks:find(("secret in planted%d.%s:"):format(i, column), 1,
                    true), of_leaks)
            end
        end)
    end

    it("says nothing of what is none", function()
        shell.write(folder .. "/log", table.concat(HARMLESS, "\n"))
        assert.same({ "", "" }, { scan(folder), of_harmless })
    end)
end)

describe("a marketplace", function()
    it("leaves no secret in its logs and its database (scenario 59)", function()
        local w = world.start({ set = { ["log.level"] = "debug" },
            emulator_set = { ["log.level"] = "debug" } })
        story.paid(w)
        local made = story.ordered(w)
        local _, payment = w:pay(made.buyer, made.order, "pm_card_authenticationRequired")
        w:authenticate(payment)
        w:request("POST", "/api/auth/login", nil,
            { email = made.buyer.email, password = "sk_test_no_password" })
        w:request("POST", "/api/orders?token=" .. made.buyer.token, made.buyer, {})
        emulator.call(w.stripe, "GET", "/v1/payment_intents?limit=5")
        w:request("POST", "/api/vendor/stripe/account-link", made.shop, {})
        story.wait_for(w, made, "CONFIRMED")
        assert.is_true(#w.server:log() > 1000)
        w:stop()
        assert.equal("", scan(w.server.home) .. scan(w.stripe.home) .. scan(w.db.url))
    end)
end)
