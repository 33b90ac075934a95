local client = require("spec.support.client")
local world = require("spec.support.world")

describe("categories", function()
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
    local function read(id)
        return w:expect(200, "GET", "/api/categories/" .. id)
    end

    it("are a tree whose counts include what is below, each product once", function()
        local home = create({ name = "Home" }).json
        local rooms = create({ name = "Rooms", parentId = home.id }).json
        local beds = create({ name = "Beds", parentId = rooms.id }).json
        w:product(vendor, { categoryIds = { beds.id, home.id } })
        w:product(vendor, { categoryIds = { rooms.id } })
        local hidden = w:product(vendor, { categoryIds = { beds.id } })
        assert.equal(3, read("home").productCount)
        w:expect(200, "POST", "/api/products/" .. hidden.id .. "/unpublish", vendor)
        local tree = read("home")
        assert.equal(2, tree.productCount)
        assert.equal(2, tree.children[1].productCount)
        assert.equal("beds", tree.children[1].children[1].slug)
        assert.equal(1, tree.children[1].children[1].productCount)
        local roots = w:expect(200, "GET", "/api/categories").data
        assert.equal("Home", roots[1].name)
        assert.equal(client.null, roots[1].parentId)
    end)
    it("are in order of position, then name", function()
        local list = create({ name = "List" }).json
        create({ name = "B", slug = "list-b", parentId = list.id })
        create({ name = "A", slug = "list-a", parentId = list.id })
        create({ name = "Z", slug = "list-z", parentId = list.id, position = 0 })
        create({ name = "First", slug = "list-first", parentId = list.id, position = 0 })
        local names = {}
        for i, child in ipairs(read("list").children) do
            names[i] = child.name
        end
        assert.same({ "A", "B", "First", "Z" }, names)
    end)
end)
