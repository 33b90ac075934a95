--- What the whole suite leaves behind is looked through for secrets, by run_file.sh after every
--- file. Here: that nothing planted is overlooked, and what a marketplace leaves.
local database = require("spec.support.database")
local emulator = require("spec.support.emulator")
local shell = require("spec.support.shell")
local story = require("spec.lua.story")
local world = require("spec.support.world")

local LEAKS = {
    ["a secret key"] = "sk_test_souk_specs",
    ["a restricted key"] = "rk_live_51Habc",
    ["a signing secret"] = "whsec_souk_specs",
    ["a client secret"] = "pi_3Nx_secret_AbCdEf123",
    ["a field of that name"] = '{"client_secret":"x1"}',
    ["an Authorization header"] = "Authorization: Bearer abcdefghijklmnop.qr",
    ["an access token"] = "eyJhbGciOiJIUzI1NiJ9.eyJz",
    ["a password field"] = '{"password": "hunter2 hunter2"}',
    ["the specs' password"] = world.PASSWORD,
    ["a refresh token"] = '{"refreshToken":"x"}',
    ["a link to somebody's account"] = "http://127.0.0.1:1/connect/onboard/link_1",
    ["a card number"] = "card 4242424242424242 visa",
    ["a card number in groups"] = "4000 0025 0000 3155",
    ["a shorter card number"] = "378282246310005",
}

local HARMLESS = {
    "01a207b9-dc4b-7522-93b2-a4fd985399dd", "a_secret_", "the client_secret is not kept",
    '"ts":"2026-11-23T09:21:57.569Z","duration_us":4242', "acct_1Nx", "req_4242424242424242x",
    "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", "whsec", "$2b$04$abc",
}

local function scan(what)
    return shell.must("sh spec/support/secrets.sh " .. shell.quote(what))
end

describe("spec/support/secrets.sh", function()
    local folder, db

    setup(function()
        folder = shell.must("mktemp -d"):gsub("%s+$", "")
        db = database.fresh()
        db:query("create table planted (words text, document jsonb, list text[])")
    end)

    teardown(function()
        shell.must("rm -rf " .. folder)
        db:drop()
    end)

    local function plant(words)
        db:query("truncate planted; insert into planted values ($t$" .. words .. "$t$, null, null)")
        local as_text = scan(db.url)
        db:query("truncate planted; insert into planted values (null, jsonb_build_array(1, $t$"
            .. words .. "$t$), null)")
        local as_json = scan(db.url)
        db:query("truncate planted; insert into planted values (null, null, array['', $t$"
            .. words .. "$t$])")
        return as_text, as_json, scan(db.url)
    end

    for name, leak in pairs(LEAKS) do
        it("finds " .. name .. " in logs and databases (scenario 59)", function()
            shell.write(folder .. "/log", "one line\nbefore " .. leak .. " after\n")
            assert.truthy(scan(folder):find("log:", 1, true))
            local as_text, _, in_list = plant("before " .. leak .. " after")
            assert.truthy(as_text:find("secret in planted.words", 1, true))
            assert.truthy(in_list:find("secret in planted.list", 1, true))
            db:query("truncate planted")
            if leak:find("^{") then
                db:query("insert into planted (document) values ('" .. leak .. "')")
                assert.truthy(scan(db.url):find("secret in planted.document", 1, true))
            end
        end)
    end

    it("says nothing of what is none", function()
        local text = table.concat(HARMLESS, "\n")
        shell.write(folder .. "/log", text)
        assert.equal("", scan(folder))
        assert.same({ "", "", "" }, { plant(text) })
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
