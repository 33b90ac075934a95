local shell = require("spec.support.shell")
local wire = require("spec.core.http.wire")

local LAST = "GET /seen HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"

local folder = os.getenv("SOUK_HOME") .. "/tls"

local function curl(server, arguments)
    local urls = arguments:gsub("URL", "https://localhost:" .. server.port)
    return shell.must(("curl -sS --max-time 20 --cacert %s/cert.pem --resolve "
        .. "localhost:%d:127.0.0.1 %s"):format(folder, server.port, urls))
end

--- Raw bytes inside TLS, and all that came back until the server closed.
local function exchange(server, bytes, options)
    shell.write(folder .. "/bytes", bytes)
    return (shell.run(("{ cat %s/bytes; sleep 0.3; } | timeout 10 openssl s_client -quiet -connect "
        .. "127.0.0.1:%d %s 2>/dev/null"):format(folder, server.port, options or "")))
end

describe("a server with a certificate", function()
    local server

    setup(function()
        shell.must("mkdir -p " .. folder .. " && openssl req -x509 -newkey ec -pkeyopt "
            .. "ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost -addext "
            .. "subjectAltName=DNS:localhost -keyout " .. folder .. "/key.pem -out "
            .. folder .. "/cert.pem 2>&1")
    end)

    before_each(function()
        server = nil
    end)

    after_each(function()
        if server then
            server:stop()
        end
    end)

    -- What says "it serves" in support/server.lua speaks plain HTTP: it is the metrics listener's.
    local function start()
        local metrics_port = shell.free_port()
        local port = shell.free_port()
        server = wire.start({
            ["http.tls_cert_file"] = folder .. "/cert.pem",
            ["http.tls_key_file"] = folder .. "/key.pem",
            ["http.port"] = port, ["metrics.port"] = metrics_port,
            ["http.head_timeout_ms"] = 400,
        }, metrics_port)
        return server
    end

    it("answers over TLS 1.2 and 1.3, many requests on one connection", function()
        start()
        for _, version in ipairs({ "--tls-max 1.2", "--tlsv1.3" }) do
            local connects = curl(server, version .. " -w '%{http_code}:%{num_connects} ' "
                .. "-o /dev/null URL/seen -o /dev/null URL/wait/20 -o /dev/null URL/bytes/10")
            assert.equal("200:1 200:0 200:0 ", connects)
        end
        assert.equal("", exchange(server, wire.ALIVE, "-tls1_1 -cipher DEFAULT@SECLEVEL=0"))
    end)

    it("sends and takes bodies larger than any buffer on the way", function()
        start()
        assert.equal("4000000", curl(server, "URL/bytes/4000000 | wc -c"):match("%d+"))
        shell.must("head -c 4000000 /dev/zero >" .. folder .. "/large")
        assert.truthy(curl(server, "--data-binary @" .. folder .. "/large URL/large")
            :find('"length":4000000', 1, true))
    end)

    it("guards what was decrypted", function()
        start()
        local out = exchange(server, "POST /seen HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n"
            .. "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" .. wire.ALIVE)
        assert.truthy(out:find("^HTTP/1.1 400 "))
        assert.equal(1, select(2, out:gsub("HTTP/1.1 ", "")))
        assert.equal(2, select(2, exchange(server, wire.ALIVE .. LAST):gsub("HTTP/1.1 200", "")))
    end)

    it("closes what does not speak TLS, or nothing, by the deadline of heads", function()
        start()
        for _, bytes in ipairs({ wire.ALIVE, "", "\22\3\1\2\0" }) do
            local sock = wire.connect(server)
            sock:send(bytes)
            sock:settimeout(2)
            local _, problem = sock:receive("*a")
            assert.not_equal("timeout", problem)
            sock:close()
        end
    end)

    it("may be left at any point", function()
        start()
        for i = 1, 30 do
            local sock = wire.connect(server)
            sock:send(i % 3 == 0 and "\22\3\1\0" or i % 3 == 1 and wire.ALIVE or "")
            sock:close()
            shell.run(("timeout 0.0%d curl -sk https://127.0.0.1:%d/wait/50"):format(i % 9 + 1,
                server.port))
        end
        assert.truthy(curl(server, "URL/seen"):find('"path":"/seen"', 1, true))
    end)

    it("does not start with a key that is not the certificate's", function()
        shell.must("openssl genrsa -out " .. folder .. "/other.pem 2048 2>&1")
        local out, code = shell.run(("%s stripe-emulator --conf conf/test.conf --set http.port=%d "
            .. "--set metrics.port=%d --set plugins.dir=spec/core/http/app --set "
            .. "http.tls_cert_file=%s/cert.pem --set http.tls_key_file=%s/other.pem"):format(
            os.getenv("SOUK_BINARY") or "build/sanitize/souk", shell.free_port(), shell.free_port(),
            folder, folder))
        assert.equal(1, code)
        assert.truthy(out:find("http.tls.failed", 1, true))
    end)
end)
