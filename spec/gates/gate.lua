--- Budgets: counts that do not depend on the machine's mood, compared with spec/gates/budgets.lua.
--
--   gate.check("instructions", "GET /api/products/{id}", measured, 0.05)
--   gate.finish()
--
-- What is above its budget by more than the slack fails and says by how much; what is far below
-- is told, so that the budget follows. SOUK_GATES=record writes what was measured, and compares
-- nothing.
local cjson = require("cjson")
local crypto = require("core.crypto")
local database = require("spec.support.database")
local info = require("core.info")
local server = require("spec.support.server")
local shell = require("spec.support.shell")
local socket = require("socket")
local token = require("spec.support.token")

local gate = {}

local BUDGETS = "spec/gates/budgets.lua"
local IS_RECORDING = os.getenv("SOUK_GATES") == "record"
local FAR_BELOW = 0.85
local ADVICE = "SOUK_GATES=record ./souk test spec/gates writes it into " .. BUDGETS

local failures = {}

-- Budgets -----------------------------------------------------------------------------------------

local HEAD = [[
--- What the hot paths may cost, a request or a statement, as spec/gates measures it. Written by
-- SOUK_GATES=record ./souk test spec/gates: a commit that raises a number says why.
return {
]]

local function write_budgets(budgets)
    local names, lines = {}, {}
    for name in pairs(budgets) do
        names[#names + 1] = name
    end
    table.sort(names)
    for i, name in ipairs(names) do
        local value = budgets[name]
        lines[i] = ("    [%q] = %s,\n"):format(name,
            value % 1 == 0 and ("%d"):format(value) or ("%.2f"):format(value))
    end
    shell.write(BUDGETS, HEAD .. table.concat(lines) .. "}\n")
end

--- Two spec files may record at once.
local function record(name, measured)
    local lock = (os.getenv("SOUK_HOME") or ".") .. "/../budgets.lock"
    shell.wait_until("the budgets", 10, function()
        return select(2, shell.run("mkdir " .. shell.quote(lock))) == 0
    end)
    local ok, problem = pcall(function()
        local budgets = shell.read(BUDGETS) and dofile(BUDGETS) or {}
        budgets[name] = measured
        write_budgets(budgets)
    end)
    shell.run("rmdir " .. shell.quote(lock))
    assert(ok, problem)
end

--- slack: the part of the budget that is noise; 0: the count is exact. more: so many are let pass
-- besides.
function gate.check(kind, what, measured, slack, more)
    local name = kind .. ": " .. what
    if IS_RECORDING then
        record(name, measured)
        return
    end
    local budget = dofile(BUDGETS)[name]
    if not budget then
        failures[#failures + 1] = ("%s has no budget yet, and costs %.6g"):format(name, measured)
    elseif measured > budget * (1 + slack) + (more or 0) then
        failures[#failures + 1] = ("%s: %.6g, the budget is %s (%+.1f %%, %d %% is let pass)")
            :format(name, measured, budget, (measured / math.max(budget, 1e-9) - 1) * 100,
            slack * 100)
    elseif measured < budget * FAR_BELOW then
        print(("told: %s is down to %.6g from %s: %s"):format(name, measured, budget, ADVICE))
    end
end

--- Fails with all that was above its budget since the last call.
function gate.finish()
    local text = table.concat(failures, "\n")
    failures = {}
    if text ~= "" then
        error(text .. "\nSomething on these paths does more than before: see their last commits. "
            .. "When that is wanted, " .. ADVICE .. ", and the commit says why.", 2)
    end
end

-- The server under measure ------------------------------------------------------------------------

gate.RELEASE = "build/release/souk"

--- The release build is what is measured, whatever the suite runs with.
function gate.build()
    shell.must("env -u SOUK_HOME -u SOUK_CONF -u DATABASE_URL ./souk build release")
    return gate.RELEASE
end

local VENDORS, PRODUCTS = 40, 2000

local UNSEEN = [[select count(*) from pg_class
    where relkind = 'r' and relnamespace = 'public'::regnamespace and relallvisible < relpages]]

--- Until every page is known to be visible to all, which somebody else's snapshot may put off: what
--- an index alone can answer depends on it. Nobody vacuums later on.
local function vacuum(db)
    db:query([[do $$
        declare v_name text;
        begin
            for v_name in select oid::regclass::text from pg_class
                where relkind = 'r' and relnamespace = 'public'::regnamespace
            loop
                execute format('alter table %s set (autovacuum_enabled = off)', v_name);
            end loop;
        end $$]])
    shell.wait_until("all pages are visible to all", 30, function()
        db:query("vacuum (analyze)")
        return db:value(UNSEEN) == 0
    end)
end

--- Another session leads, so that no timer of the leader's adds to what is counted: the slower the
--- machine, the more turns of theirs would fall into a window.
local LEADER_KEY = 0x736f756b
local leaders = {}

local function lead(db)
    local session = assert(io.popen(("/usr/lib/postgresql/15/bin/psql -X -q -d %s >/dev/null 2>&1")
        :format(shell.quote(db.url)), "w"))
    session:write(("select pg_advisory_lock(%d);\n"):format(LEADER_KEY))
    session:flush()
    leaders[#leaders + 1] = session
    shell.wait_until("the other leader", 20, function()
        return db:value("select count(*) from pg_locks where locktype = 'advisory' and granted "
            .. "and database = (select oid from pg_database where datname = current_database())")
            > 0
    end)
end

--- The same rows in every run; big enough that a scan would show.
function gate.marketplace()
    local db = database.fresh()
    shell.must(("DATABASE_URL=%s %s demo --vendors %d --products %d --seed 7 --conf conf/test.conf")
        :format(shell.quote(db.url), gate.build(), VENDORS, PRODUCTS))
    vacuum(db)
    lead(db)
    return db
end

local KEY = token.KEY

--- Nothing happens by itself that can wait: what is counted is the request's.
local QUIET = {
    env = "development", ["http.workers"] = 1, ["log.level"] = "warn", ["auth.secret"] = KEY,
    ["order.expire_every_ms"] = 600000, ["payout.every_ms"] = 3600000,
    ["policy.watch_every_ms"] = 3600000, ["invariants.every_s"] = 0, ["reconcile.every_s"] = 0,
    ["lua.resume_budget_ms"] = 20000, ["lua.stuck_kill_ms"] = 60000,
    ["http.request_timeout_ms"] = 60000, ["db.statement_timeout_ms"] = 60000,
    ["cache.stock_ms"] = 60000,
}

--- The application with the bench's own routes.
local function lua_folder(home)
    shell.must(("rm -rf %s/lua && cp -r lua %s/lua && cp spec/bench/routes.lua "
        .. "%s/lua/routes/bench.lua && sed -i 's/^for _, name in ipairs(ROUTES) do/"
        .. "ROUTES[#ROUTES + 1] = \"bench\"\\n&/' %s/lua/boot.lua && grep -q '\"bench\"' "
        .. "%s/lua/boot.lua"):format(home, home, home, home, home))
    return home .. "/lua"
end

--- A quiet server of the release build with one worker. options: db, set, wrapper (a command that
-- runs it), attempts: some hundred times slower, it may pass a policy's limit of CPU as it starts.
function gate.server(options)
    local home = os.getenv("SOUK_HOME")
    local set = { ["lua.dir"] = lua_folder(home) }
    for _, source in ipairs({ QUIET, options.set or {} }) do
        for name, value in pairs(source) do
            set[name] = value
        end
    end
    local started, problem
    for _ = 1, options.attempts or 1 do
        started, problem = pcall(server.start, {
            db = options.db, set = set,
            binary = (options.wrapper and options.wrapper .. " " or "") .. gate.RELEASE,
        })
        if started then
            return problem
        end
    end
    error(problem, 2)
end

-- People ------------------------------------------------------------------------------------------

--- Buyers with tokens, straight into the database: {id, token} each.
function gate.buyers(db, count)
    db:query(([[with people as (
            insert into users (id, email, password_hash, name, role)
            select uuid_v7(), 'gate' || n || '@example.com',
                '$2b$10$2eQRreyYoMx03SpzchatgOpCVOGjHAxqbt.Y.S.PwuOn2oiRGw9GO', 'Gate', 'BUYER'
            from generate_series(1, %d) as n returning id
        ) insert into buyers (user_id) select id from people]]):format(count))
    local buyers = {}
    for i, row in ipairs(db:query([[select users.id, buyers.id from users
        inner join buyers on buyers.user_id = users.id where email like 'gate%' order by 1]])) do
        local person = { id = row[1], buyer_id = row[2] }
        person.token = token.make({ alg = "HS256", typ = "JWT" },
            token.claims(person, "BUYER", { jti = crypto.uuid7() }), KEY)
        buyers[i] = person
    end
    return buyers
end

-- Requests ----------------------------------------------------------------------------------------

local ADDRESS = { shippingAddress = {
    name = "Ada Buyer", line1 = "1 Market Lane", city = "Lisbon", postalCode = "1100-148",
    country = "PT",
} }

function gate.text(method, path, bearer, body)
    body = body and cjson.encode(body)
    return ("%s %s HTTP/1.1\r\nHost: gate\r\n%s%s\r\n%s"):format(method, path,
        bearer and ("Authorization: Bearer %s\r\n"):format(bearer) or "",
        body and ("Content-Type: application/json\r\nContent-Length: %d\r\n"):format(#body) or "",
        body or "")
end

gate.SOLD_OUT = "POST /api/checkout, sold out"

--- Buyers that put things into carts: few, for who does has been seen a moment ago.
local REGULARS = 8

--- The hot routes: {name, status, text(i)}, i counts the requests. shelf: ids of products.
function gate.routes(shelf, buyers)
    local function id(i)
        return shelf[i % #shelf + 1]
    end
    local function get(path)
        return function()
            return gate.text("GET", path)
        end
    end
    return {
        { "a route without database", 200, get("/api/bench/fixed") },
        { "GET /api/products/{id}", 200, function(i)
            return gate.text("GET", "/api/products/" .. id(i))
        end },
        { "GET /api/products", 200, get("/api/products?limit=20") },
        { "GET /api/vendors/nearby", 200, get("/api/vendors/nearby?lat=48.85&lng=2.35") },
        { "POST /api/cart/items", 201, function(i)
            return gate.text("POST", "/api/cart/items", buyers[i % REGULARS + 1].token,
                { productId = id(i), quantity = 1 })
        end },
        { "POST /api/checkout", 201, function(i)
            return gate.text("POST", "/api/checkout", buyers[i % #buyers + 1].token, ADDRESS)
        end },
        { gate.SOLD_OUT, 409, function(i)
            return gate.text("POST", "/api/checkout", buyers[i % REGULARS + 1].token, ADDRESS)
        end },
    }
end

--- One line in the cart of each of these buyers, as the only one.
function gate.fill_carts(db, buyers, shelf)
    local values = {}
    for i, buyer in ipairs(buyers) do
        values[i] = ("('%s'::uuid, '%s'::uuid)"):format(buyer.buyer_id, shelf[i % #shelf + 1])
    end
    db:query(([[delete from cart_items;
        insert into carts (id, buyer_id) select b, b from (values %s) as w (b, p)
        on conflict do nothing;
        insert into cart_items (cart_id, product_id, quantity, seen_price_minor)
        select carts.id, w.p, 1, products.price_minor from (values %s) as w (b, p)
        inner join products on products.id = w.p inner join carts on carts.buyer_id = w.b]])
        :format(table.concat(values, ", "), table.concat(values, ", ")))
end

--- What must be there before a route is asked: of a checkout the carts, which the server has seen,
-- and of one that is sold out nothing else.
function gate.prepare(route, people)
    if not route[1]:find("POST /api/checkout", 1, true) then
        return
    end
    local shelf = route[1] == gate.SOLD_OUT and { people.shelf[1] } or people.shelf
    gate.fill_carts(people.db, people.buyers, shelf)
    if route[1] == gate.SOLD_OUT then
        people.db:query(("update product_stock set stock = reserved where product_id = '%s'")
            :format(shelf[1]))
    end
    people.conn:greet(people.buyers)
end

--- Ids of products on sale with enough in stock, by their creation.
function gate.shelf(db, count)
    local ids = {}
    for i, row in ipairs(db:query(([[select id from product_public where available >= 20
        order by "createdAt" desc, id desc limit %d]]):format(count))) do
        ids[i] = row[1]
    end
    return ids
end

local connection = {}
connection.__index = connection

--- One connection that asks and waits, over and over.
function gate.connect(port)
    local sock = assert(socket.connect("127.0.0.1", port))
    sock:setoption("tcp-nodelay", true)
    sock:settimeout(60)
    return setmetatable({ sock = sock }, connection)
end

function connection:ask(text, status)
    assert(self.sock:send(text))
    local first = assert(self.sock:receive("*l"))
    local length = 0
    while true do
        local line = assert(self.sock:receive("*l"))
        if line == "" then
            break
        end
        length = tonumber(line:lower():match("^content%-length: *(%d+)")) or length
    end
    local body = length > 0 and assert(self.sock:receive(length)) or ""
    assert(first:find(" " .. status .. " ", 1, true), first .. "\n" .. body)
end

--- Makes the server know these buyers, as it knows one who looks before they buy.
function connection:greet(buyers)
    for _, buyer in ipairs(buyers) do
        self:ask(gate.text("GET", "/api/cart", buyer.token), 200)
    end
end

--- Asks a route count times; from: where its counting goes on.
function connection:ask_route(route, count, from)
    for i = from, from + count - 1 do
        self:ask(route[3](i), route[2])
    end
end

function connection:close()
    self.sock:close()
end

gate.pid = info.pid

return gate
