local shell = require("spec.support.shell")
local world = require("spec.support.world")

local function big(number)
    return string.char(math.floor(number / 16777216) % 256, math.floor(number / 65536) % 256,
        math.floor(number / 256) % 256, number % 256)
end

local function png(width, height, tail)
    return "\137PNG\r\n\26\n\0\0\0\rIHDR" .. big(width or 2) .. big(height or 2) .. "\8\2\0\0\0"
        .. (tail or "")
end

local JPEG = "\255\216\255\224\0\16JFIF\0\1\1\0\0\1\0\1\0\0"
    .. "\255\192\0\17\8\0\4\0\6\3\1\34\0\2\17\1\3\17\1"
local WEBP = "RIFF\0\0\0\0WEBPVP8X\10\0\0\0\0\0\0\0\3\0\0\5\0\0"

describe("/api/products/{id}/images", function()
    local w, vendor, product

    setup(function()
        w = world.start()
        vendor = w:vendor()
        product = w:product(vendor)
    end)
    teardown(function()
        w:stop()
    end)

    local function post(bytes, content_type, who)
        return w:request("POST", "/api/products/" .. product.id .. "/images", who or vendor, bytes,
            { ["Content-Type"] = content_type or "image/png" })
    end
    local function files()
        return tonumber(shell.must("ls " .. w.server.home .. "/media/products 2>/dev/null | wc -l"))
    end

    for name, bytes in pairs({ png = png(), jpeg = JPEG, webp = WEBP }) do
        it("POST stores a " .. name .. ", whatever it is called, and serves it", function()
            local answer = post(bytes, "image/gif")
            assert.equal(201, answer.status)
            local served = w:request("GET", answer.json.url)
            assert.equal(200, served.status)
            assert.equal(bytes, served.body)
            assert.equal("image/" .. name, served.headers["content-type"])
            assert.equal("nosniff", served.headers["x-content-type-options"])
        end)
    end
    it("POST takes a form with its words, and shows it on the product", function()
        local body = '--b\r\nContent-Disposition: form-data; name="alt"\r\n\r\nFrom the side\r\n'
            .. '--b\r\nContent-Disposition: form-data; name="image"; '
            .. 'filename="../../etc/passwd"\r\n\r\n' .. png() .. "\r\n--b--"
        local image = post(body, "multipart/form-data; boundary=b").json
        assert.equal("From the side", image.alt)
        assert.matches("^/media/products/[%x-]+%.png$", image.url)
        local images = w:expect(200, "GET", "/api/products/" .. product.id).images
        assert.equal(image.id, images[#images].id)
        for i, one in ipairs(images) do
            assert.equal(i, one.position)
        end
    end)

    local refusals = {
        { "what is no picture", "hello", "image/png", 415 },
        { "a page that says it is a picture", "<html><script>alert(1)</script>", "image/jpeg",
            415 },
        { "SVG", '<svg xmlns="http://www.w3.org/2000/svg"/>', "image/svg+xml", 415 },
        { "JSON", "{}", "application/json", 415 },
        { "nothing", "", "image/png", 415 },
        { "a picture of too many pixels", png(30000, 30000), "image/png", 422 },
        { "a form without a file",
            "--b\r\nContent-Disposition: form-data; name=\"alt\"\r\n\r\nx\r\n--b--",
            "multipart/form-data; boundary=b", 422 },
        { "a broken form", "--b", "multipart/form-data; boundary=b", 400 },
    }
    for _, case in ipairs(refusals) do
        local name, bytes, content_type, status = unpack(case)
        it("POST refuses " .. name .. " and stores nothing", function()
            local before = files()
            assert.equal(status, post(bytes, content_type).status)
            assert.equal(before, files())
        end)
    end
    it("POST takes 5 MiB and refuses more", function()
        local head = png()
        assert.equal(201, post(head .. ("x"):rep(5242880 - #head)).status)
        assert.equal(413, post(head .. ("x"):rep(5242880 - #head + 1)).status)
        assert.equal(413, post(head .. ("x"):rep(10e6)).status)
    end)
    it("POST is its vendor's alone, and stores nothing of others", function()
        local before = files()
        assert.equal(404, post(png(), "image/png", w:vendor()).status)
        assert.equal(403, post(png(), "image/png", w:buyer()).status)
        assert.equal(before, files())
    end)
    it("POST stops at twenty", function()
        product = w:product(vendor)
        for _ = 1, 20 do
            assert.equal(201, post(png()).status)
        end
        local before = files()
        assert.equal(409, post(png()).status)
        assert.equal(before, files())
    end)
    it("DELETE removes the picture and its file", function()
        product = w:product(vendor)
        local image = post(png()).json
        local path = "/api/products/" .. product.id .. "/images/" .. image.id
        assert.equal(404, w:request("DELETE", path, w:vendor()).status)
        assert.equal(204, w:request("DELETE", path, vendor).status)
        assert.equal(404, w:request("DELETE", path, vendor).status)
        assert.equal(404, w:request("GET", image.url).status)
        assert.same({}, w:expect(200, "GET", "/api/products/" .. product.id).images)
    end)
end)
