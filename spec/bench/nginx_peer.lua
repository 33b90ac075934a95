--- The peer in nginx + lua: the same statements and the same JSON as souk's routes, made as its
-- users make it, a table for each answer and cjson.
-- luacheck: globals ngx
local cjson = require("cjson")
local pg = require("nginx_pg")

local nginx_peer = {}

local COLUMNS = [[id, version, "vendorId", "vendor.businessName", "vendor.slug",
    "vendor.rating.average", "vendor.rating.count", name, slug, description, "price.amount",
    "price.currency", available, status, attributes, categories, images, "rating.average",
    "rating.count", to_char("createdAt" at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
    to_char("updatedAt" at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')]]

local STATEMENTS = {
    detail = "select " .. COLUMNS .. " from product_public where id = $1",
    list = "select " .. COLUMNS .. [[ from product_public
        order by "createdAt" desc, id desc limit 20]],
}

function nginx_peer.place(socket, database)
    pg.settings = { socket = socket, database = database }
end

local function view(row)
    return {
        id = row[1], version = tonumber(row[2]), vendorId = row[3],
        vendor = {
            id = row[3], businessName = row[4], slug = row[5],
            rating = { average = tonumber(row[6]), count = tonumber(row[7]) },
        },
        name = row[8], slug = row[9], description = row[10],
        price = { amount = tonumber(row[11]), currency = row[12] },
        available = tonumber(row[13]), status = row[14], attributes = cjson.decode(row[15]),
        categories = cjson.decode(row[16]), images = cjson.decode(row[17]),
        rating = { average = tonumber(row[18]), count = tonumber(row[19]) },
        createdAt = row[20], updatedAt = row[21],
    }
end

local function answer(value)
    local body = cjson.encode(value)
    ngx.header["Content-Length"] = #body
    ngx.print(body)
end

function nginx_peer.fixed()
    answer({ name = "Monsoon coffee", price = { amount = 6000, currency = "USD" } })
end

function nginx_peer.detail(id)
    answer(view(pg.query(STATEMENTS, "detail", id)[1]))
end

function nginx_peer.list()
    local rows = pg.query(STATEMENTS, "list")
    for i, row in ipairs(rows) do
        rows[i] = view(row)
    end
    answer({ data = rows })
end

return nginx_peer
