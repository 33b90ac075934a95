local clock = require("core.clock")
local conf = require("core.conf")
local crypto = require("core.crypto")
local json = require("core.json")

local SUB = "01a20713-50ec-71ec-97e2-1fb645e038d6"
local JTI = "01a20713-50ec-71ec-97e2-1fb645e038d7"
-- A public key as anybody can have it; the attack takes its text for the key of an HMAC.
local RSA_PUBLIC_PEM = [[
-----BEGIN PUBLIC KEY-----
MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBAKj34GkxFhD90vcNLYLInFEX6Ppy1tPf
9Cnzj4p4WGeKLs1Pt8QuKUpRKfFLfRYC9AIKjbJTWit+CqvjWYzvQwECAwEAAQ==
-----END PUBLIC KEY-----
]]

local function server_key()
    local secret = conf("auth.secret")
    if secret ~= "" then
        return secret
    end
    local path = conf("auth.secret_file")
    local file = assert(io.open(path ~= "" and path or conf("home") .. "/auth.key"))
    local text = file:read("*a"):gsub("%s+$", "")
    file:close()
    return text
end

local DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

local function base64url(bytes)
    local out = {}
    for i = 1, #bytes, 3 do
        local a, b, c = bytes:byte(i, i + 2)
        local word = a * 65536 + (b or 0) * 256 + (c or 0)
        for place = 0, c and 3 or b and 2 or 1 do
            local digit = math.floor(word / 64 ^ (3 - place)) % 64
            out[#out + 1] = DIGITS:sub(digit + 1, digit + 1)
        end
    end
    return table.concat(out)
end

local function from_hex(hex)
    return (hex:gsub("%x%x", function(pair)
        return string.char(tonumber(pair, 16))
    end))
end

local function sign(header, payload, key)
    local text = base64url(header) .. "." .. base64url(payload)
    return text .. "." .. base64url(from_hex(crypto.hmac_sha256(key, text)))
end

local function now_s()
    return math.floor(clock.now_ms() / 1000)
end

local HEADER = [[{"alg":"HS256","typ":"JWT"}]]

--- A good payload with changes; a change to json.null takes the claim away.
local function payload(changes)
    local claims = {
        iss = "souk",
        sub = SUB,
        role = "BUYER",
        jti = JTI,
        iat = now_s(),
        exp = now_s() + 600,
    }
    for name, value in pairs(changes or {}) do
        claims[name] = value ~= json.null and value or nil
    end
    return json.encode(claims)
end

local function forge(changes)
    return sign(changes.header or HEADER, changes.payload or payload(), changes.key or server_key())
end

local function refused(token, code)
    local claims, err = crypto.token_verify(token)
    assert.is_nil(claims)
    assert.equal(code or "unauthenticated", err.code)
    assert.equal(401, err.status)
end

describe("core.crypto.token_issue", function()
    it("makes a token that token_verify reads back", function()
        local token = crypto.token_issue({ sub = SUB, role = "VENDOR", jti = JTI, ttl_s = 60 })
        local claims = assert(crypto.token_verify(token))
        assert.equal(SUB, claims.sub)
        assert.equal("VENDOR", claims.role)
        assert.equal(JTI, claims.jti)
        assert.equal(60, claims.exp - claims.iat)
        assert.is_true(math.abs(claims.iat - now_s()) <= 2)
    end)

    it("says HS256 and nothing else in the header", function()
        local token = crypto.token_issue({ sub = SUB, role = "BUYER", jti = JTI, ttl_s = 60 })
        assert.equal(base64url(HEADER), token:match("^[^.]+"))
    end)

    it("raises when a claim is missing or too long", function()
        for _, claims in ipairs({
            { role = "BUYER", jti = JTI },
            { sub = SUB, jti = JTI },
            { sub = SUB .. "0", role = "BUYER", jti = JTI },
            { sub = "", role = "BUYER", jti = JTI },
        }) do
            assert.has_error(function()
                crypto.token_issue(claims)
            end)
        end
    end)
end)

describe("core.crypto.token_verify", function()
    it("accepts a token signed with the server's key", function()
        local claims = assert(crypto.token_verify(forge({})))
        assert.equal(SUB, claims.sub)
    end)

    it("accepts an object of another order and white space in the header", function()
        assert.truthy(crypto.token_verify(forge({ header = [[ {"typ" : "jwt", "alg":"HS256"} ]] })))
    end)

    it("ignores kid, jku and x5u", function()
        local header = [[{"alg":"HS256","kid":"../../dev/null","jku":"http://evil.example/k"}]]
        assert.truthy(crypto.token_verify(forge({ header = header })))
    end)

    local headers = {
        { "alg none", [[{"alg":"none","typ":"JWT"}]] },
        { "alg None", [[{"alg":"None"}]] },
        { "alg in lower case", [[{"alg":"hs256"}]] },
        { "HS512", [[{"alg":"HS512"}]] },
        { "HS384", [[{"alg":"HS384"}]] },
        { "RS256", [[{"alg":"RS256"}]] },
        { "alg twice, the last one good", [[{"alg":"none","alg":"HS256"}]] },
        { "alg twice, the first one good", [[{"alg":"HS256","alg":"none"}]] },
        { "an escaped second alg", [[{"alg":"HS256","\u0061lg":"none"}]] },
        { "no alg", [[{"typ":"JWT"}]] },
        { "alg as a list", [[{"alg":["HS256"]}]] },
        { "alg null", [[{"alg":null}]] },
        { "crit", [[{"alg":"HS256","crit":["exp"]}]] },
        { "crit as text", [[{"alg":"HS256","crit":"exp"}]] },
        { "a key of its own (jwk)", [[{"alg":"HS256","jwk":{"kty":"oct","k":"AA"}}]] },
        { "another typ", [[{"alg":"HS256","typ":"JWE"}]] },
        { "an empty header", [[{}]] },
        { "a header that is no object", [=[["HS256"]]=] },
        { "text after the header", [[{"alg":"HS256"}x]] },
        { "a header cut short", [[{"alg":"HS256"]] },
    }
    for _, case in ipairs(headers) do
        local name, header = unpack(case)
        it("refuses " .. name .. ", though the signature is good", function()
            refused(forge({ header = header }))
        end)
    end

    it("refuses alg none with an empty signature", function()
        local head = base64url([[{"alg":"none","typ":"JWT"}]]) .. "." .. base64url(payload())
        refused(head .. ".")
        refused(head)
    end)

    it("refuses an empty signature under a good header", function()
        refused((forge({}):gsub("[^.]+$", "")))
    end)

    it("refuses a token signed with an empty key", function()
        refused(forge({ key = "" }))
    end)

    it("refuses a token signed with the text of a public RSA key", function()
        refused(forge({ key = RSA_PUBLIC_PEM }))
        refused(forge({ key = RSA_PUBLIC_PEM, header = [[{"alg":"RS256","typ":"JWT"}]] }))
    end)

    it("refuses a token that was changed in any part", function()
        local token = forge({})
        for place = 1, #token do
            local c = token:sub(place, place)
            local other = c == "A" and "B" or "A"
            local changed = token:sub(1, place - 1) .. other .. token:sub(place + 1)
            -- The last letter holds two bits that no byte takes.
            if place < #token then
                refused(changed)
            end
        end
    end)

    it("refuses the unused bits of the last letter, since one token has one text", function()
        local token = forge({})
        local last = DIGITS:find(token:sub(-1), 1, true) - 1
        refused(token:sub(1, -2) .. DIGITS:sub(last + 2, last + 2))
    end)

    local malformed = {
        "",
        ".",
        "..",
        "a.b.c",
        "a.b.c.d",
        ("a"):rep(5000),
        ("a."):rep(1000),
        "=" .. ("A"):rep(40) .. ".AAAA.AAAA",
    }
    it("refuses what is no token", function()
        for _, text in ipairs(malformed) do
            refused(text)
        end
        refused(forge({}) .. ".AAAA")
        refused(forge({}) .. "=")
        refused(forge({}) .. "\0")
        refused(" " .. forge({}))
    end)

    it("refuses a token after its exp, without leeway, as token_expired", function()
        refused(forge({ payload = payload({ exp = now_s() }) }), "token_expired")
        refused(forge({ payload = payload({ exp = now_s() - 1 }) }), "token_expired")
    end)

    it("calls a token unauthenticated, not expired, when its signature is wrong", function()
        refused(forge({ payload = payload({ exp = now_s() - 1 }), key = ("x"):rep(40) }))
    end)

    local claims = {
        { "without exp", { exp = json.null } },
        { "with exp as text", { exp = "9999999999" } },
        { "with a fraction for exp", { exp = 9999999999.5 } },
        { "without iat", { iat = json.null } },
        { "from the future", { iat = now_s() + 120 } },
        { "not valid yet", { nbf = now_s() + 120 } },
        { "with nbf as text", { nbf = "soon" } },
        { "of another issuer", { iss = "bazaar" } },
        { "without issuer", { iss = json.null } },
        { "without sub", { sub = json.null } },
        { "with a number for sub", { sub = 7 } },
        { "with a longer sub than an id", { sub = ("a"):rep(37) } },
        { "without role", { role = json.null } },
        { "with a longer role than there is", { role = ("R"):rep(16) } },
        { "without jti", { jti = json.null } },
    }
    for _, case in ipairs(claims) do
        local name, changes = unpack(case)
        it("refuses a token " .. name, function()
            refused(forge({ payload = payload(changes) }))
        end)
    end

    it("lets clocks differ by a minute for iat and nbf", function()
        local ahead = payload({ iat = now_s() + 50, nbf = now_s() + 50 })
        assert.truthy(crypto.token_verify(forge({ payload = ahead })))
    end)
end)

describe("the cache of verified tokens", function()
    after_each(function()
        clock.shift_ms(0)
    end)

    it("gives the same claims again", function()
        local token = forge({})
        assert.same(crypto.token_verify(token), crypto.token_verify(token))
    end)

    it("still refuses a changed token after the good one was seen", function()
        local token = forge({})
        assert.truthy(crypto.token_verify(token))
        local head, tail = token:match("^(.+%.)([^.]+)$")
        local other = base64url(payload({ role = "ADMIN" }))
        refused(head:match("^[^.]+%.") .. other .. "." .. tail)
    end)

    it("forgets a token at its exp", function()
        local token = forge({ payload = payload({ exp = now_s() + 100 }) })
        assert.truthy(crypto.token_verify(token))
        clock.shift_ms(101 * 1000)
        refused(token, "token_expired")
    end)

    it("knows a token by its header, once it was verified and as long as it is good", function()
        local token = forge({ payload = payload({ exp = now_s() + 97 }) })
        assert.is_nil(crypto.token_known("Bearer " .. token))
        local serial = crypto.token_verify(token).serial
        assert.is_true(serial > 0)
        assert.equal(serial, crypto.token_known("Bearer " .. token))
        assert.equal(serial, crypto.token_known("bearer  " .. token))
        for _, header in ipairs({ "", "Bearer", "Bearer ", token, "Basic " .. token,
            "Bearer x" .. token, "Bearer " .. token .. "x", "Bearer " .. token .. " " }) do
            assert.is_nil(crypto.token_known(header))
        end
        clock.shift_ms(101 * 1000)
        assert.is_nil(crypto.token_known("Bearer " .. token))
    end)

    local function issue(i)
        return crypto.token_issue({ sub = "user-" .. i, role = "BUYER", jti = JTI, ttl_s = 60 })
    end

    it("holds the tokens of some thousands who come in turn", function()
        local tokens, known = {}, 0
        for i = 1, 2500 do
            tokens[i] = issue("h" .. i)
            crypto.token_verify(tokens[i])
        end
        for i = 1, 2500 do
            known = known + (crypto.token_known("Bearer " .. tokens[i]) and 1 or 0)
        end
        -- Where a token lies is drawn by its signature: a few are overwritten.
        assert.is_true(known > 2400, ("%d of 2500"):format(known))
    end)

    it("stays right with more tokens than it holds, and gives no two of them one serial", function()
        local tokens, seen, wrong = {}, {}, {}
        local function look(i)
            local read = crypto.token_verify(tokens[i])
            if read.sub ~= "user-" .. i or (seen[read.serial] or i) ~= i then
                wrong[#wrong + 1] = i
            end
            seen[read.serial] = i
        end
        for i = 1, 8500 do
            tokens[i] = issue(i)
            look(i)
        end
        for i = 1, 8500 do
            look(i)
        end
        assert.same({}, wrong)
    end)
end)
