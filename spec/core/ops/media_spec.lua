local client = require("spec.support.client")
local database = require("spec.support.database")
local server_process = require("spec.support.server")
local shell = require("spec.support.shell")

local PNG = "\137PNG\r\n\26\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1\8\6\0\0\0"

describe("GET /media", function()
    local server

    setup(function()
        server = server_process.start({ db = database.fresh(), set = { ["http.workers"] = 1 } })
        shell.must("mkdir -p " .. shell.quote(server.home .. "/media/products"))
        shell.write(server.home .. "/media/products/mug.png", PNG)
        shell.write(server.home .. "/media/products/notes.txt", "no picture")
        shell.write(server.home .. "/media/products/.hidden.png", PNG)
    end)

    teardown(function()
        server:stop()
    end)

    local function get(path, method)
        return client.request({ port = server.port, path = path, method = method })
    end

    it("gives a stored picture with its type, to be kept for ever", function()
        local reply = get("/media/products/mug.png")
        assert.equal(200, reply.status)
        assert.equal(PNG, reply.body)
        assert.equal("image/png", reply.headers["content-type"])
        assert.matches("immutable", reply.headers["cache-control"], 1, true)
        assert.equal("nosniff", reply.headers["x-content-type-options"])
    end)

    local absent = {
        "/media/products/nothing.png", "/media/products/notes.txt", "/media/products/.hidden.png",
        "/media/../auth.key", "/media/products/../../auth.key",
        "/media/products/..%2f..%2fauth.key",
        "/media/products", "/media/", "/media/products/mug.png/", "/media//mug.png",
    }
    for _, path in ipairs(absent) do
        it("gives nothing for " .. path, function()
            local reply = get(path)
            assert.is_true(reply.status == 404 or reply.status == 400)
            assert.is_nil(reply.body:find("PNG", 1, true))
        end)
    end

    it("takes no writes", function()
        assert.equal(405, get("/media/products/mug.png", "DELETE").status)
    end)
end)

describe("core.media.sniff", function()
    local media = require("core.media")

    it("knows pictures by their bytes and reads their size", function()
        assert.same({ "png", 1, 1 }, { media.sniff(PNG) })
        local jpeg = "\255\216\255\224\0\16JFIF\0\1\1\0\0\1\0\1\0\0"
            .. "\255\192\0\17\8\0\32\0\64\3\1\34\0"
        assert.same({ "jpeg", 64, 32 }, { media.sniff(jpeg) })
        local webp = "RIFF\0\0\0\0WEBPVP8X\10\0\0\0\0\0\0\0\99\0\0\49\0\0"
        assert.same({ "webp", 100, 50 }, { media.sniff(webp) })
    end)

    it("knows nothing else, however it is called", function()
        local strangers = {
            "", "GIF89a", "<svg></svg>", "\137PNG", "\255\216\255", ("x"):rep(99),
        }
        for _, bytes in ipairs(strangers) do
            assert.is_nil((media.sniff(bytes)))
        end
    end)
end)
