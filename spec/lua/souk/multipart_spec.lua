local multipart = require("souk.multipart")

local TYPE = "multipart/form-data; boundary=xYz"

local function part(head, content)
    return "--xYz\r\nContent-Disposition: form-data; " .. head .. "\r\n\r\n" .. content .. "\r\n"
end

describe("multipart.file", function()
    it("gives the bytes as they are, and the fields", function()
        local bytes = "\0\1\r\n--xY\255"
        local body = part('name="alt"', "The mug")
            .. part('name="image"; filename="../x.png"', bytes) .. "--xYz--\r\n"
        local got, fields = multipart.file(body, TYPE)
        assert.equal(bytes, got)
        assert.same({ alt = "The mug" }, fields)
    end)
    it("reads a boundary in quotes", function()
        local body = part('name="image"', "x") .. "--xYz--"
        assert.equal("x", (multipart.file(body, 'Multipart/Form-Data; BOUNDARY="xYz"')))
    end)

    local broken = {
        { "has no boundary in its type", part('name="image"', "x") .. "--xYz--",
            "multipart/form-data" },
        { "does not begin with its boundary", "x" .. part('name="image"', "x") .. "--xYz--", TYPE },
        { "does not end", part('name="image"', "x"), TYPE },
        { "is empty", "", TYPE },
        { "has a part without a head", "--xYz\r\nx\r\n--xYz--", TYPE },
        { "has too many parts", part('name="a"', "x"):rep(11) .. "--xYz--", TYPE },
    }
    for _, case in ipairs(broken) do
        local name, body, content_type = unpack(case)
        it("refuses a body that " .. name, function()
            local bytes, problem = multipart.file(body, content_type)
            assert.is_nil(bytes)
            assert.equal(400, problem.status)
        end)
    end
    it("refuses two files, and none", function()
        local one = part('name="image"; filename="a"', "x")
        assert.equal(422, select(2, multipart.file(one .. one .. "--xYz--", TYPE)).status)
        assert.equal(422,
            select(2, multipart.file(part('name="alt"', "x") .. "--xYz--", TYPE)).status)
    end)
    it("refuses a field that is not UTF-8", function()
        local body = part('name="alt"', "\255") .. part('name="image"', "x") .. "--xYz--"
        assert.equal(422, select(2, multipart.file(body, TYPE)).status)
    end)
end)
