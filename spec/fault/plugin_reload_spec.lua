--- Reloads under load, a plugin switched on or off by each: no request of others fails, memory
--- stays flat, timers are neither doubled nor lost, nor are events. SOUK_RELOADS is how many.
local client = require("spec.support.client")
local clock = require("core.clock")
local plugin_folder = require("spec.support.plugin_folder")
local shell = require("spec.support.shell")
local tell = require("spec.support.tell")
local world = require("spec.support.world")

local RELOADS = tonumber(os.getenv("SOUK_RELOADS") or 10)
local WARM_UP = math.floor(RELOADS / 5) + 2
local LOADERS = 2
local WAIT_S = 60
--- A generation that is not let go is some 10 MB in two workers; a short run is not over its first
--- growth.
local GROWTH_MAX_MB = RELOADS >= 100 and 16 or 40

local function route(name, path)
    return ([[{
        id = "%s.go", method = "GET", path = "/api/plugins/%s/%s", roles = false,
        summary = "Serve", answers = { [200] = true }, handler = function() return {} end,
    }]]):format(name, name, path)
end

--- Counts its turns, and tells of each: what it hears of itself is written down, doubles too.
local TICKER = {
    ["plugin.lua"] = 'local events = require("souk.events")\n'
        .. plugin_folder.manifest("ticker", [[
        needs = { "db", "timers", "event:plugin.ticker.turn" },
        timers = { { name = "turn", every_ms = 1000, run = function()
            return db.tx(function()
                local row, problem = db.one("turn/add")
                if not row then
                    return nil, problem
                end
                return events.emit("turn", { turn = row.id })
            end)
        end } },
        on = { ["plugin.ticker.turn"] = function(event)
            return db.exec("turn/hear", event.key, event.data.turn)
        end },
        routes = { ]] .. route("ticker", "go") .. " },"),
    ["sql/migrations/0001_create.sql"] = [[
        create table turns (id bigint generated always as identity primary key,
            at timestamptz not null default clock_timestamp());
        create table heard (key text not null, turn bigint not null);
    ]],
    ["sql/queries/turn/add.sql"] = "insert into plugin_ticker.turns default values returning id;\n",
    ["sql/queries/turn/hear.sql"] =
        "insert into plugin_ticker.heard (key, turn) values ($1, $2::bigint);\n",
}
local TOGGLED = {
    ["plugin.lua"] = plugin_folder.manifest("toggled",
        'needs = { "db" }, routes = { ' .. route("toggled", "go") .. " },"),
}

describe(RELOADS .. " reloads under load, each with a plugin switched on or off", function()
    local w, failed, sent, figures

    local function rss_mb()
        local sum = 0
        for _, pid in ipairs(w.server:workers()) do
            local status = shell.read(("/proc/%d/status"):format(pid)) or ""
            sum = sum + (tonumber(status:match("VmRSS:%s+(%d+)")) or 0)
        end
        return sum / 1024
    end

    local function turns()
        return w.db:value("select count(*) from plugin_ticker.turns")
    end

    local function load(path, other, is_done)
        return function()
            while not is_done() do
                local answer = w:request("GET", path)
                sent = sent + 1
                if answer.status ~= 200 and answer.status ~= other then
                    failed[#failed + 1] = path .. " " .. answer.status
                        .. (answer.problem or answer.body)
                end
            end
        end
    end

    local function toggle(i)
        local word = i % 2 == 1 and "enable" or "disable"
        local answer = w:request("POST", "/api/admin/plugins/toggled/" .. word, w:admin(),
            word == "enable" and { grant = { "db" } } or { reason = "spec" })
        assert.equal(200, answer.status, answer.body)
        assert.equal(word == "enable" and "ENABLED" or "DISABLED", answer.json.state)
    end

    setup(function()
        failed, sent, figures = {}, 0, {}
        w = world.start({
            -- What is freed is used again at once: or memory would seem to grow.
            binary = ("ASAN_OPTIONS=%s:quarantine_size_mb=1 %s"):format(
                os.getenv("ASAN_OPTIONS") or "", os.getenv("SOUK_BINARY") or "build/sanitize/souk"),
            set = { ["plugins.dir"] = plugin_folder.write({ ticker = TICKER, toggled = TOGGLED }) },
            plugins = { "ticker" },
        })
        w:product(w:vendor())
        w:admin()
        local is_done = false
        local function done()
            return is_done
        end
        local entries = {
            load("/api/plugins/toggled/go", 404, done), load("/api/plugins/ticker/go", 200, done),
        }
        for _ = 1, LOADERS do
            entries[#entries + 1] = load("/api/products", 200, done)
        end
        entries[#entries + 1] = function()
            local ok, problem = pcall(function()
                local began_us
                for i = 1, RELOADS do
                    if i == WARM_UP + 1 then
                        figures.rss_before, figures.turns, began_us = rss_mb(), turns(),
                            clock.monotonic_us()
                    end
                    toggle(i)
                end
                figures.turns = turns() - figures.turns
                figures.seconds = (clock.monotonic_us() - began_us) / 1e6
                figures.rss_after = rss_mb()
            end)
            is_done = true
            assert(ok, problem)
        end
        client.parallel(entries)
        tell(("%d reloads, %d requests beside them, workers %.0f MB before and %.0f MB after, "
            .. "%d turns of a timer in %.1f s"):format(RELOADS, sent, figures.rss_before,
            figures.rss_after, figures.turns, figures.seconds))
    end)

    teardown(function()
        w:assert_invariants()
        w:stop()
    end)

    it("fail no request", function()
        assert.same({}, failed)
        assert.is_true(sent > RELOADS)
    end)

    it("leave memory flat", function()
        assert.is_true(figures.rss_after - figures.rss_before < GROWTH_MAX_MB,
            figures.rss_before .. " to " .. figures.rss_after)
    end)

    it("neither double nor lose the turns of a timer", function()
        -- Loading holds the loop for longer than a turn in the sanitized build, which short runs
        -- take: what a reload lost would stay away.
        local told = ("%d turns in %.1f s"):format(figures.turns, figures.seconds)
        assert.is_true(figures.turns <= 2 + figures.seconds * 1.05, told)
        assert.is_true(RELOADS < 100 or figures.turns >= figures.seconds * 0.9 - 2, told)
        local before = turns()
        shell.wait_until("three turns more", WAIT_S, function()
            return turns() >= before + 3
        end)
        local closest = w.db:value("select min(extract(epoch from at - before)) from (select at, "
            .. "lag(at) over (order by id) as before from plugin_ticker.turns) as t")
        assert.is_true(closest > 0.3, closest)
    end)

    it("neither double nor lose events", function()
        w:expect(200, "POST", "/api/admin/plugins/toggled/enable", w:admin(), {})
        shell.wait_until("all events", WAIT_S, function()
            return w.db:value("select count(*) from plugin_ticker.turns as t where not exists "
                .. "(select from plugin_ticker.heard as h where h.turn = t.id) "
                .. "and t.at < now() - interval '5 seconds'") == 0
        end)
        assert.equal(0, w.db:value(
            "select count(*) - count(distinct key) from plugin_ticker.heard"))
        assert.equal(0, w.db:value(
            "select count(*) - count(distinct turn) from plugin_ticker.heard"))
    end)
end)
