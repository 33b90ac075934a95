--- Requests to places that somebody else names reach the public Internet and nothing of ours.
local fetch = require("core.fetch")
local shell = require("spec.support.shell")

--- First and last of each range that is not public, and what is next to it.
local RANGES = {
    { "0.0.0.0", "0.255.255.255", nil, "1.0.0.0" },
    { "10.0.0.0", "10.255.255.255", "9.255.255.255", "11.0.0.0" },
    { "100.64.0.0", "100.127.255.255", "100.63.255.255", "100.128.0.0" },
    { "127.0.0.0", "127.255.255.255", "126.255.255.255", "128.0.0.0" },
    { "169.254.0.0", "169.254.255.255", "169.253.255.255", "169.255.0.0" },
    { "172.16.0.0", "172.31.255.255", "172.15.255.255", "172.32.0.0" },
    { "192.0.0.0", "192.0.0.255", "191.255.255.255", "192.0.1.0" },
    { "192.0.2.0", "192.0.2.255", "192.0.1.255", "192.0.3.0" },
    { "192.88.99.0", "192.88.99.255", "192.88.98.255", "192.88.100.0" },
    { "192.168.0.0", "192.168.255.255", "192.167.255.255", "192.169.0.0" },
    { "198.18.0.0", "198.19.255.255", "198.17.255.255", "198.20.0.0" },
    { "198.51.100.0", "198.51.100.255", "198.51.99.255", "198.51.101.0" },
    { "203.0.113.0", "203.0.113.255", "203.0.112.255", "203.0.114.0" },
    { "224.0.0.0", "255.255.255.255", "223.255.255.255", nil },
    { "::", "1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", nil, "2000::" },
    { "2001::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff", "2000:ffff::", "2001:200::" },
    { "2001:db8::", "2001:db8:ffff::ffff", "2001:db7:ffff::", "2001:db9::" },
    { "3fff::", "3fff:fff:ffff::", "3ffe:ffff::", "3fff:1000::" },
    { "4000::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "3fff:ffff::", nil },
}

--- Addresses that hold another, or are dangerous by name.
local KEPT_AWAY = {
    "::1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::ffff:0:10.0.0.1", "::127.0.0.1",
    "64:ff9b::10.0.0.1", "64:ff9b::8.8.8.8", "64:ff9b:1::1", "100::1", "fc00::1",
    "fd00:ec2::254", "fe80::1", "fec0::1", "ff02::1", "2002:7f00:1::", "2002:a9fe:a9fe::",
    "2002:c0a8:101::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "169.254.169.254",
    "255.255.255.255",
}

describe("core.fetch.is_public", function()
    for _, range in ipairs(RANGES) do
        local first, last, before, after = range[1], range[2], range[3], range[4]
        it(("keeps away from %s to %s, and from nothing beside it"):format(first, last), function()
            assert.is_false(fetch.is_public(first))
            assert.is_false(fetch.is_public(last))
            assert.is_true(not before or fetch.is_public(before))
            assert.is_true(not after or fetch.is_public(after))
        end)
    end

    for _, address in ipairs(KEPT_AWAY) do
        it("keeps away from " .. address, function()
            assert.is_false(fetch.is_public(address))
        end)
    end

    it("knows public ones, and what is none", function()
        for _, address in ipairs({ "8.8.8.8", "2606:4700::1111", "2002:808:808::1" }) do
            assert.is_true(fetch.is_public(address))
        end
        for _, text in ipairs({ "", "localhost", "127.1", "0x7f.0.0.1", "1.2.3.4 ", "[::1]" }) do
            assert.is_nil(fetch.is_public(text))
        end
    end)
end)

describe("core.fetch.request with public = true", function()
    local process, port

    setup(function()
        process = assert(io.popen("exec luajit spec/core/fetch/raw_server.lua"))
        port = assert(process:read("*l"), "the raw server did not start")
    end)
    teardown(function()
        fetch.request({ url = ("http://127.0.0.1:%s/quit"):format(port), plain = true })
        process:close()
    end)

    local function ask(host, options)
        return fetch.request({
            url = ("http://%s:%s/ok"):format(host, port), plain = true, timeout_ms = 5000,
            public = options.public,
        })
    end

    --- Names and spellings of this machine: what counts is where the connection would go.
    local HOSTS = {
        "127.0.0.1", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "0", "localhost",
        "LocalHost", "some.localhost", "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]",
    }
    for _, host in ipairs(HOSTS) do
        it("connects to no " .. host, function()
            local answer = ask(host, { public = true })
            assert.equal("refused", answer.outcome)
            assert.equal("the address is not a public one", answer.problem)
        end)
    end

    it("looks at the address that a name resolves to", function()
        local name = shell.must("hostname"):gsub("%s+$", "")
        local address = shell.run("getent ahostsv4 " .. shell.quote(name)):match("^%S+")
        if address and not fetch.is_public(address) then
            assert.equal("refused", ask(name, { public = true }).outcome)
        end
        assert.equal("answered", ask("localhost", {}).outcome)
    end)

    it("uses no connection that somebody else has opened", function()
        for _ = 1, 3 do
            assert.equal("answered", ask("127.0.0.1", {}).outcome)
        end
        assert.equal("refused", ask("127.0.0.1", { public = true }).outcome)
    end)
end)
