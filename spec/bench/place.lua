--- Where the bench happens: databases of its own in a cluster of its own, servers of the release
-- build on them, buyers with full carts. run.sh ends all that this leaves running.
local machine = require("spec.bench.machine")
local socket = require("socket")
local tokens = require("spec.bench.tokens")

local place = { HOME = os.getenv("SOUK_BENCH_HOME"), BINARY = "build/release/souk" }

local PSQL = "/usr/lib/postgresql/15/bin/psql -X -q -A -t -v ON_ERROR_STOP=1 -d "
local READY_S = 120

function place.url(name)
    return (os.getenv("SOUK_BENCH_DATABASE"):gsub("@@", name))
end

--- Runs SQL text; its output.
function place.sql(database, text)
    local path = place.HOME .. "/statement.sql"
    machine.write(path, text)
    return machine.sh(PSQL .. machine.quote(place.url(database)) .. " -f " .. path)
end

local function exists(name)
    return place.sql("postgres", ("select 1 from pg_database where datname = '%s'"):format(name))
        :find("1") ~= nil
end

local function fill(name, vendors, products, is_by_words)
    if vendors == 0 then
        machine.sh(PSQL .. machine.quote(place.url(name)) .. " -1 -f sql/seeds/demo.sql")
        return
    end
    local line = ("%s demo --vendors %d --products %d --seed 1 --conf conf/dev.conf"):format(
        place.BINARY, vendors, products)
    if is_by_words then
        line = ("sh spec/bench/catalogue.sh %s %d %d"):format(
            machine.quote(place.url(name)), vendors, products)
    end
    machine.sh(("SOUK_HOME=%s DATABASE_URL=%s %s"):format(
        place.HOME, machine.quote(place.url(name)), line))
end

local function migrate(name)
    machine.sh(("SOUK_HOME=%s DATABASE_URL=%s %s migrate --conf conf/dev.conf"):format(
        place.HOME, machine.quote(place.url(name)), place.BINARY))
end

--- Orders of an earlier run are not given back by the thousand while something is measured; those
-- of this run have a day too.
local KEEP_ORDERS = [[update orders set expires_at = now() + interval '1 day'
where status = 'PENDING']]
local EXPIRES_S = 86400

local there = {}

--- A database with a catalogue of that size, made once; 0 vendors: the demo marketplace.
-- is_by_words: made by catalogue.sh, which is the faster the larger it is, and not by `souk demo`.
function place.database(vendors, products, is_by_words)
    local name = ("bench_%d_%d%s"):format(vendors, products, is_by_words and "_words" or "")
    if there[name] then
        return name
    end
    there[name] = true
    if exists(name) then
        migrate(name) -- one that was kept may be of before a migration
        place.sql(name, KEEP_ORDERS)
        return name
    end
    local making = name .. "_unfinished"
    place.sql("postgres", ("drop database if exists %s; create database %s"):format(making, making))
    migrate(making)
    fill(making, vendors, products, is_by_words)
    if not place.is_quick then -- else the first server to come counts all words meanwhile
        place.sql(making, "call term_fill(); analyze terms")
    end
    -- An empty table that was analyzed is planned as one that stays empty: its keys would be
    -- checked by reading it whole, until the next analyze.
    place.sql(making, [[
select format('vacuum analyze %I.%I', schemaname, relname) from pg_stat_user_tables
where pg_relation_size(relid) > 0 \gexec]])
    place.sql("postgres", ("alter database %s rename to %s"):format(making, name))
    return name
end

local ports_given = 0

function place.port()
    for _ = 1, 500 do
        ports_given = ports_given + 1
        local probe = socket.bind("127.0.0.1", 23500 + ports_given)
        if probe then
            probe:close()
            return 23500 + ports_given
        end
    end
    error("no port is free")
end

--- Starts a command line in the background; its pid. run.sh kills what *.peer files name.
function place.start(name, line)
    local path = ("%s/%s.peer"):format(place.HOME, name)
    machine.sh(("{ %s; } >%s/%s.log 2>&1 </dev/null & echo $! >%s"):format(
        "exec " .. line, place.HOME, name, path))
    return tonumber(machine.read(path))
end

function place.is_alive(pid)
    local stat = machine.read(("/proc/%d/stat"):format(pid))
    return stat ~= nil and not stat:find("%) Z")
end

function place.get(port, path, token)
    local sock = socket.connect("127.0.0.1", port)
    if not sock then
        return nil
    end
    sock:settimeout(10)
    sock:send(("GET %s HTTP/1.1\r\nHost: bench\r\n%sConnection: close\r\n\r\n"):format(path,
        token and ("Authorization: Bearer %s\r\n"):format(token) or ""))
    local text = sock:receive("*a")
    sock:close()
    return text and tonumber(text:match("^HTTP/1.1 (%d+)")), text and text:match("\r\n\r\n(.*)")
end

local function wait_for(name, pid, port, path)
    local deadline_s = socket.gettime() + READY_S
    while socket.gettime() < deadline_s do
        if place.get(port, path) == 200 then
            return
        end
        assert(place.is_alive(pid), name .. " ended: "
            .. (machine.read(place.HOME .. "/" .. name .. ".log") or ""):sub(-2000))
        socket.sleep(0.002)
    end
    error(name .. " does not answer")
end

place.wait_for = wait_for

function place.stop(server)
    machine.sh(("kill -TERM %d 2>/dev/null || true"):format(server.pid))
    for _ = 1, 400 do
        if not place.is_alive(server.pid) then
            break
        end
        socket.sleep(0.05)
    end
    machine.sh(("kill -KILL %d 2>/dev/null || true; rm -f %s/%s.peer"):format(
        server.pid, place.HOME, server.name))
end

local is_lua_copied = false

--- The application with the bench's own routes.
local function lua_folder()
    local folder = place.HOME .. "/lua"
    if not is_lua_copied then
        is_lua_copied = true
        machine.sh(("rm -rf %s && cp -r lua %s && cp spec/bench/routes.lua %s/routes/bench.lua && "
            .. "sed -i 's/^for _, name in ipairs(ROUTES) do/ROUTES[#ROUTES + 1] = \"bench\"\\n&/' "
            .. "%s/boot.lua && grep -q '\"bench\"' %s/boot.lua"):format(
            folder, folder, folder, folder, folder))
    end
    return folder
end

local servers = {}

--- A server on this database: {pid, port, pids()}. set: settings; workers: 1 unless said.
-- What is asked for again is the one that runs already.
function place.server(database, set)
    local words = {}
    set = set or {}
    for key, value in pairs(set) do
        words[#words + 1] = ("--set %s=%s"):format(key, tostring(value))
    end
    table.sort(words)
    local key = database .. " " .. table.concat(words, " ")
    if servers[key] and place.is_alive(servers[key].pid) then
        return servers[key]
    end
    local port = place.port()
    local name = "souk" .. port
    local pid = place.start(name, ("env SOUK_HOME=%s DATABASE_URL=%s %s serve --conf %s "
        .. "--set http.port=%d --set metrics.port=%d --set log.level=warn --set lua.dir=%s "
        .. "--set invariants.every_s=0 --set order.expires_after_s=%d --set auth.secret=%s %s %s")
        :format(place.HOME, machine.quote(place.url(database)), place.BINARY, "conf/dev.conf", port,
        place.port(), lua_folder(), EXPIRES_S, tokens.KEY,
        set["http.workers"] and "" or "--set http.workers=1", table.concat(words, " ")))
    local server = { name = name, pid = pid, port = port, database = database }
    function server.pids()
        return machine.children(pid)
    end
    wait_for(name, pid, port, "/ready")
    servers[key] = server
    return server
end

function place.stop_servers()
    for key, server in pairs(servers) do
        place.stop(server)
        servers[key] = nil
    end
end

function place.postgres_pids()
    local postmaster = tonumber(machine.read(place.HOME .. "/pg/data/postmaster.pid"):match("^%d+"))
    local pids = machine.children(postmaster)
    pids[#pids + 1] = postmaster
    return pids
end

--- Writes out all that is dirty, so that no checkpoint falls into what is measured next.
function place.settle()
    place.sql("postgres", "checkpoint")
end

-- Buyers ------------------------------------------------------------------------------------------

local function uuid_of(kind, number)
    return ("%08x-0000-7000-8000-%012x"):format(kind, number)
end

local function sql_uuid(kind)
    return ("('%08x-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid"):format(kind)
end

local USER, BUYER = 0xbe000001, 0xbe000002

--- Buyers 1 to count, as rows; asked again it makes those that are missing.
function place.buyers(database, count)
    place.sql(database, ([[
insert into users (id, email, password_hash, name, role)
select %s, 'bench' || n || '@example.com',
    '$2b$10$2eQRreyYoMx03SpzchatgOpCVOGjHAxqbt.Y.S.PwuOn2oiRGw9GO', 'Bench', 'BUYER'
from generate_series(1, %d) as n on conflict do nothing;
insert into buyers (id, user_id) select %s, %s from generate_series(1, %d) as n
on conflict do nothing;]]):format(sql_uuid(USER), count, sql_uuid(BUYER), sql_uuid(USER), count))
end

local made = {}

function place.token(number)
    made[number] = made[number] or tokens.make(uuid_of(USER, number), "BUYER")
    return made[number]
end

function place.buyer_id(number)
    return uuid_of(BUYER, number)
end

--- Puts stock on shelves, with the movements that explain it, and returns ids of products on sale:
-- pairs of one vendor beside one another.
function place.shelves(database, count, stock)
    place.sql(database, ([[
with chosen as (
    select products.id from products inner join vendors on vendors.id = products.vendor_id
    where products.status = 'PUBLISHED' and vendors.status = 'ACTIVE' order by products.id limit %d
), changed as (
    update product_stock set stock = stock + %d from chosen where product_id = chosen.id
    returning product_id as id, stock
)
insert into inventory_movements (product_id, kind, delta, stock_after)
select id, 'SET', %d, stock from changed;]]):format(count, stock, stock))
    local ids = {}
    for id in place.sql(database, ([[
select id from (
    select chosen.*, row_number() over of_vendor as place, count(*) over (partition by vendor_id)
    from (
        select products.id, products.vendor_id from products
        inner join vendors on vendors.id = products.vendor_id
        where products.status = 'PUBLISHED' and vendors.status = 'ACTIVE'
        order by products.id limit %d
    ) as chosen
    window of_vendor as (partition by vendor_id order by id)
) as counted
where place <= count / 2 * 2 order by vendor_id, id]]):format(count)):gmatch("[%x%-]+") do
        ids[#ids + 1] = id
    end
    return ids
end

--- Fills the carts of buyers 1 to count: lines products each, two of a vendor. products: pairs of
-- one vendor, or a single one.
function place.fill_carts(database, count, products, lines)
    local values, each = {}, math.min(2, lines, #products)
    local groups = math.floor(#products / each)
    for i, id in ipairs(products) do
        values[i] = ("(%d, '%s'::uuid)"):format(i - 1, id)
    end
    place.sql(database, (([[
insert into carts (id, buyer_id) select @buyer@, @buyer@ from generate_series(1, @count@) as n
on conflict do nothing;
with shelf (at, id) as (values @values@)
insert into cart_items (cart_id, product_id, quantity, seen_price_minor)
select @buyer@, products.id, 1, products.price_minor
from generate_series(1, @count@) as n
cross join generate_series(0, @last@) as line
inner join shelf
    on shelf.at = @each@ * ((n * 7 + line / @each@ * @apart@) % @groups@) + line % @each@
inner join products on products.id = shelf.id
on conflict do nothing;]]):gsub("@(%w+)@", {
        buyer = sql_uuid(BUYER), count = count, values = table.concat(values, ", "),
        last = lines - 1, each = each, groups = groups,
        apart = math.max(math.floor(groups * each / lines), 1),
    })))
end

return place
