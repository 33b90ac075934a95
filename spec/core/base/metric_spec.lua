local client = require("spec.support.client")
local emulator = require("spec.support.emulator")

--- Prometheus text format 0.0.4, read as strictly as promtool does: families in their order,
-- {name =, help =, type =, samples = {{name =, labels = {}, value =}}}.
local function parse(text)
    local families, family = {}, nil
    for line in text:gmatch("([^\n]*)\n") do
        local help_name, help = line:match("^# HELP ([%w_:]+) (.+)$")
        local type_name, kind = line:match("^# TYPE ([%w_:]+) (%l+)$")
        if help_name then
            assert(not families[help_name], "two HELP lines of " .. help_name)
            family = { name = help_name, help = help, samples = {} }
            families[help_name] = family
            families[#families + 1] = family
        elseif type_name then
            assert.equal(family.name, type_name)
            assert.is_nil(family.type)
            family.type = kind
        else
            local name, labels, value = line:match("^([%a_:][%w_:]*)(%b{}) (%S+)$")
            if not name then
                name, value = line:match("^([%a_:][%w_:]*) (%S+)$")
            end
            assert(name and tonumber(value), "no sample: " .. line)
            labels = labels or ""
            local sample = { name = name, labels = {}, text = labels, value = tonumber(value) }
            for key, label in labels:gmatch('([%a_][%w_]*)="([^"\n]*)"') do
                assert.is_nil(sample.labels[key])
                sample.labels[key] = label
            end
            family.samples[#family.samples + 1] = sample
        end
    end
    return families
end

describe("the metrics of a process", function()
    local process, families, answer

    local function fetch()
        return client.request({ port = process.metrics_port, path = "/metrics" })
    end

    local function value_of(name, labels)
        local sum = 0
        for _, sample in ipairs((families[name] or { samples = {} }).samples) do
            local is_wanted = true
            for key, label in pairs(labels or {}) do
                is_wanted = is_wanted and sample.labels[key] == label
            end
            sum = sum + (is_wanted and sample.value or 0)
        end
        return sum
    end

    setup(function()
        process = emulator.start()
        for _ = 1, 5 do
            client.request({ port = process.port, path = "/v1/balance" })
        end
        answer = fetch()
        families = parse(answer.body)
    end)
    teardown(function()
        process:stop()
    end)

    it("are served as text format 0.0.4", function()
        assert.equal(200, answer.status)
        assert.truthy(answer.headers["content-type"]:find("text/plain; version=0.0.4", 1, true))
        assert.equal("\n", answer.body:sub(-1))
        assert.is_true(#families > 5)
    end)

    it("have help and a type each", function()
        for _, family in ipairs(families) do
            assert.truthy(family.help)
            assert.truthy(({ counter = 1, gauge = 1, histogram = 1 })[family.type], family.name)
            assert.is_true(#family.samples > 0)
        end
    end)

    it("end in _total when they are counters, and only then", function()
        for _, family in ipairs(families) do
            local has_ending = family.name:find("_total$") ~= nil
            assert.equal(family.type == "counter", has_ending, family.name)
        end
    end)

    it("measure time in seconds, in names too", function()
        for _, family in ipairs(families) do
            assert.is_nil(family.name:find("_ms$") or family.name:find("_us$"), family.name)
            if family.type == "histogram" then
                assert.truthy(family.name:find("_seconds$"), family.name)
            end
        end
    end)

    it("have no series twice", function()
        local seen = {}
        for _, family in ipairs(families) do
            for _, sample in ipairs(family.samples) do
                local key = sample.name .. sample.text
                assert.is_nil(seen[key], key)
                seen[key] = true
            end
        end
    end)

    it("have histograms whose buckets grow to their count", function()
        local checked = 0
        for _, family in ipairs(families) do
            local last, last_le, infinite = 0, -1, nil
            for _, sample in ipairs(family.type == "histogram" and family.samples or {}) do
                local suffix = sample.name:sub(#family.name + 1)
                if suffix == "_bucket" then
                    local le = tonumber((sample.labels.le:gsub("^%+Inf$", "inf")))
                    assert.is_true(le > last_le and sample.value >= last)
                    last, last_le = sample.value, le
                    infinite = le == math.huge and sample.value or nil
                elseif suffix == "_count" then
                    assert.equal(infinite, sample.value)
                    last, last_le, checked = 0, -1, checked + 1
                end
            end
        end
        assert.is_true(checked > 0)
    end)

    it("count every request once", function()
        assert.equal(5, value_of("http_requests_total", { code = "401", method = "GET" }))
    end)

    it("get no new series from paths that nobody declared", function()
        local before = #parse(fetch().body)
        local lines_before = select(2, fetch().body:gsub("\n", ""))
        for i = 1, 50 do
            client.request({ port = process.port, path = "/nobody/declared/" .. i })
        end
        local once = select(2, fetch().body:gsub("\n", ""))
        for i = 51, 150 do
            client.request({ port = process.port, path = "/nobody/declared/" .. i })
        end
        local body = fetch().body
        assert.equal(once, (select(2, body:gsub("\n", ""))))
        assert.is_true(once - lines_before < 30)
        assert.equal(before, #parse(body))
    end)
end)
