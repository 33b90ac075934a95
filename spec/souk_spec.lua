--- The front door: what `up` starts, `down` stops, and nothing else; a second `up` finds its data.
-- The sanitized build stands in for the release, so that nothing has to be built for this.
local client = require("spec.support.client")
local shell = require("spec.support.shell")

--- One instance with a home and ports of its own.
local function instance(name)
    local port, stripe_port = shell.free_port(), shell.free_port()
    local home = os.getenv("SOUK_HOME") .. "/" .. name
    local environment = ("env -u DATABASE_URL -u SOUK_CONF SOUK_BUILD=sanitize SOUK_HOME=%s "
        .. "SOUK_PORT=%d SOUK_STRIPE_PORT=%d timeout -k 5 120 "):format(
        shell.quote(home), port, stripe_port)
    return {
        home = home, port = port, stripe_port = stripe_port,
        souk = function(arguments)
            return shell.run(environment .. "./souk " .. arguments)
        end,
        status = function(path)
            return client.request({ port = port, path = path or "/ready" }).status
        end,
    }
end

local function must(instance_of, arguments)
    local output, code = instance_of.souk(arguments)
    assert.equal(0, code, output)
    return output
end

describe("./souk", function()
    local first, second = instance("first"), instance("second with a space")

    teardown(function()
        first.souk("down")
        second.souk("down")
    end)

    it("serves two marketplaces side by side, says where, and keeps its secrets", function()
        local output = must(first, "up -d --set http.workers=1")
        assert.matches("http://localhost:" .. first.port, output, 1, true)
        assert.matches("buyer@demo.souk.example", output, 1, true)
        must(second, "up -d --set http.workers=1")
        assert.equal(200, first.status())
        assert.equal(200, second.status())
        local products = client.request({ port = first.port, path = "/api/products" }).json
        assert.is_true(#products.data > 10)
        for _, name in ipairs({ "auth.key", "stripe.key", "webhook.key", "connect-webhook.key" }) do
            local path = shell.quote(first.home .. "/" .. name)
            assert.equal("600\n", shell.must("stat -c %a " .. path))
        end
    end)

    it("refuses what cannot be, and says what to do", function()
        local output, code = first.souk("up -d")
        assert.equal(1, code)
        assert.matches("./souk down", output, 1, true)
        output, code = first.souk("up --port 1")
        assert.equal(1, code)
        assert.matches("--set key=value", output, 1, true)
        output, code = first.souk("fly")
        assert.equal(1, code)
        assert.matches("there is no sub-command fly", output, 1, true)
    end)

    it("makes an administrator, reloads, and runs SQL", function()
        must(first, "admin create --email chief@example.com --password 'a long one'")
        assert.matches("generation %d+ serves", must(first, "reload"))
        assert.equal("ADMIN", must(first, "psql -A -t -c \"select role from users "
            .. "where email = 'chief@example.com'\""):match("%u+"))
    end)

    local function login(name)
        local answer = client.request({
            port = first.port, method = "POST", path = "/api/auth/login",
            body = { email = name .. "@demo.souk.example", password = "souk-demo-2026" },
        })
        return answer.json.accessToken
    end
    local function stripe_status()
        return client.request({ port = first.port, path = "/api/vendor/stripe/status",
            token = login("vendor") }).json
    end

    it("lets a demo vendor connect, and hears of it by the webhook of connected accounts",
        function()
            local link = client.request({ port = first.port, method = "POST", body = "{}",
                path = "/api/vendor/stripe/account-link", token = login("vendor") })
            assert.equal(201, link.status, link.body)
            assert.matches("^http://localhost:" .. first.stripe_port .. "/connect/onboard/",
                link.json.url)
            local account = stripe_status().accountId
            assert.equal(200, client.request({ port = first.stripe_port, method = "POST",
                path = "/_emu/onboard/" .. account }).status)
            shell.wait_until("the news", 30, function()
                return must(first, "psql -A -t -c \"select transfers_capability from "
                    .. "stripe_accounts\""):match("%l+") == "active"
            end)
        end)

    it("prints the books", function()
        assert.matches("the ledger is empty", must(first, "ledger"), 1, true)
    end)

    it("stops one and leaves the other", function()
        must(first, "down")
        assert.equal(0, first.status("/health"))
        assert.equal(200, second.status())
        assert.is_nil(must(first, "status"):match("runs"))
    end)

    it("finds its data when it is started again", function()
        must(first, "up -d --set http.workers=1")
        assert.equal("1", must(first, "psql -A -t -c \"select count(*) from users "
            .. "where email = 'chief@example.com'\""):match("%d+"))
        local status = stripe_status()
        assert.is_true(status.transfersEnabled)
        assert.equal(200, client.request({ port = first.stripe_port, method = "POST",
            path = "/_emu/onboard/" .. status.accountId }).status)
    end)

    it("stops all it started when its terminal goes away", function()
        must(second, "down")
        local folder = first.home .. "-terminal"
        shell.must("mkdir " .. shell.quote(folder))
        local pid = shell.background(folder, ("env -u DATABASE_URL -u SOUK_CONF "
            .. "SOUK_BUILD=sanitize SOUK_HOME=%s SOUK_PORT=%d SOUK_STRIPE_PORT=%d ./souk up")
            :format(shell.quote(second.home), second.port, second.stripe_port))
        shell.wait_until("the second marketplace", 60, function()
            return second.status() == 200
        end)
        shell.run("kill -HUP " .. pid)
        shell.wait_until("its end", 30, function()
            return shell.read(folder .. "/rc")
        end)
        -- What a terminal shows, the demo's password too when it came so far, is no log.
        shell.must("rm " .. shell.quote(folder .. "/log"))
        assert.is_nil(must(second, "status"):match("runs"))
    end)
end)
