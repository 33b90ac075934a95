local client = require("spec.support.client")
local world = require("spec.support.world")

describe("categories, as admins make them", function()
    local w, admin, vendor

    setup(function()
        w = world.start()
        admin, vendor = w:admin(), w:vendor()
    end)
    teardown(function()
        w:stop()
    end)

    local function create(body, who)
        return w:request("POST", "/api/admin/categories", who or admin, body)
    end
    local function change(category, body)
        return w:request("PATCH", "/api/admin/categories/" .. category.id, admin, body)
    end
    local function remove(category)
        return w:request("DELETE", "/api/admin/categories/" .. category.id, admin)
    end

    it("are made by admins only", function()
        assert.equal(403, create({ name = "X" }, vendor).status)
        assert.equal(401, w:request("POST", "/api/admin/categories", nil, { name = "X" }).status)
    end)
    it("have slugs of their own", function()
        create({ name = "Slugged" })
        local answer = create({ name = "Slugged" })
        assert.equal(409, answer.status)
        assert.equal("slug_taken", answer.json.code)
    end)
    it("need a parent that is there", function()
        local answer = create({ name = "Orphan",
            parentId = "0192f0c1-2b3c-7d4e-8f90-a1b2c3d4e5f6" })
        assert.equal("parentId", answer.json.details[1].field)
    end)
    it("never close a ring", function()
        local a = create({ name = "Ring A" }).json
        local b = create({ name = "Ring B", parentId = a.id }).json
        local c = create({ name = "Ring C", parentId = b.id }).json
        assert.equal(422, change(a, { parentId = a.id }).status)
        assert.equal("parentId", change(a, { parentId = c.id }).json.details[1].field)
        assert.equal(200, change(c, { parentId = a.id }).status)
    end)
    it("do not close a ring when two moves come at once", function()
        local a, b = create({ name = "Move A" }).json, create({ name = "Move B" }).json
        local answers = client.parallel({
            w:prepared("PATCH", "/api/admin/categories/" .. a.id, admin, { parentId = b.id }),
            w:prepared("PATCH", "/api/admin/categories/" .. b.id, admin, { parentId = a.id }),
        })
        local moved = 0
        for _, answer in ipairs(answers) do
            moved = moved + (answer.status == 200 and 1 or 0)
        end
        assert.equal(1, moved)
    end)
    it("become roots by null, and stay where they are without a word", function()
        local a = create({ name = "Root A" }).json
        local b = create({ name = "Root B", parentId = a.id }).json
        assert.equal(a.id, change(b, { name = "Root B2" }).json.parentId)
        assert.equal(client.null, change(b, { parentId = client.null }).json.parentId)
    end)
    it("go only when they are empty", function()
        local a = create({ name = "Used" }).json
        local b = create({ name = "Below used", parentId = a.id }).json
        assert.equal("category_in_use", remove(a).json.code)
        assert.equal(204, remove(b).status)
        local product = w:product(vendor, { categoryIds = { a.id } })
        assert.equal(409, remove(a).status)
        w:expect(200, "PATCH", "/api/products/" .. product.id, vendor,
            { categoryIds = client.json.decode("[]") })
        assert.equal(204, remove(a).status)
        assert.equal(404, remove(a).status)
    end)
    it("leave every change in the audit log", function()
        local a = create({ name = "Audited" }).json
        change(a, { name = "Audited 2" })
        remove(a)
        local log = w:expect(200, "GET", "/api/admin/audit-log?object=category:" .. a.id,
            admin).data
        assert.same({ "category.remove", "category.change", "category.create" },
            { log[1].action, log[2].action, log[3].action })
        assert.equal("Audited", log[2].before.name)
        assert.equal("Audited 2", log[2].after.name)
        assert.equal(admin.id, log[2].actor.id)
    end)
end)
