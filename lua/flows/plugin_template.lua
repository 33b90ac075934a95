--- What `souk plugin new NAME` writes: the smallest plugin with a route, a table, an event and a
--- spec.
local conf = require("core.conf")
local core_plugin = require("core.plugin")

local plugin_template = {}

local FILES = {}

FILES["plugin.lua"] = [[
--- Notes that somebody keeps: a table of its own, two routes, and a note of every order.
local db = require("souk.db")
local s = require("souk.schema")
local web = require("souk.web")

local text = s.string({ min = 1, max = 500, example = "call back" })
local note = s.object({ id = s.uuid(), text = text, createdAt = s.time() })

return {
    name = "NAME", version = "1.0.0", api = 1,
    needs = { "db", "event:order.confirmed" },
    routes = {
        {
            id = "NAME.list", method = "GET", path = "/api/plugins/NAME/notes",
            summary = "The notes, newest first", roles = { "ADMIN" },
            answers = { [200] = s.object({ data = s.array(note) }) },
            handler = function()
                return { data = web.json(db.json("note/list")) }
            end,
        },
        {
            id = "NAME.add", method = "POST", path = "/api/plugins/NAME/notes",
            summary = "Add a note", roles = { "ADMIN" },
            body = s.object({ text = text }),
            answers = { [201] = note },
            handler = function(req)
                local made = db.one("note/add", req.body.text)
                return web.created("/api/plugins/NAME/notes", made)
            end,
        },
    },
    on = {
        -- At least once: the key makes the second time nothing.
        ["order.confirmed"] = function(event)
            return db.exec("note/add_once", event.key, "order " .. event.data.orderId)
        end,
    },
}
]]

FILES["sql/migrations/0001_create_notes.sql"] = [[
create table notes (
    id uuid not null default gen_random_uuid(),
    key text,
    text text not null,
    created_at timestamptz not null default now(),
    constraint notes_pkey primary key (id),
    constraint notes_key_key unique (key)
);
]]

FILES["sql/queries/note/list.sql"] = [[
select id, text, created_at as "createdAt"
from plugin_NAME.notes order by created_at desc limit 100;
]]

FILES["sql/queries/note/add.sql"] = [[
-- $1 text
insert into plugin_NAME.notes (text) values ($1)
returning id, text, created_at as "createdAt";
]]

FILES["sql/queries/note/add_once.sql"] = [[
-- $1 key, $2 text
insert into plugin_NAME.notes (key, text) values ($1, $2)
on conflict on constraint notes_key_key do nothing;
]]

FILES["spec/NAME_spec.lua"] = [[
local world = require("spec.support.world")

describe("The plugin NAME", function()
    local w

    setup(function()
        w = world.start({ plugins = { "NAME" } })
    end)
    teardown(function()
        w:stop()
    end)

    it("keeps notes", function()
        w:expect(201, "POST", "/api/plugins/NAME/notes", w:admin(), { text = "call back" })
        local notes = w:expect(200, "GET", "/api/plugins/NAME/notes", w:admin()).data
        assert.equal("call back", notes[1].text)
    end)

    it("is for administrators alone", function()
        w:expect(403, "GET", "/api/plugins/NAME/notes", w:buyer())
    end)
end)
]]

FILES["README.md"] = [[
# NAME

What it is for, in a sentence. `./souk plugin enable NAME --grant all` switches it on,
`./souk test plugins/NAME/spec` runs its spec.
]]

local function write_file(path, text)
    os.execute(("mkdir -p '%s'"):format(path:match("^(.*)/")))
    local file, why = io.open(path, "w")
    if not file then
        return nil, { message = why }
    end
    file:write(text)
    file:close()
    return true
end

--- Writes the folder. A line that says what to do next; or nil, err.
function plugin_template.write(name)
    if not name:find("^%l[%l%d_]*$") or #name > 40 then
        return nil, { message = "a plugin's name: lower-case letters, digits and _, at most 40" }
    end
    for _, known in ipairs(core_plugin.folders()) do
        if known == name then
            return nil, { message = ("plugins/%s is there already"):format(name) }
        end
    end
    local folder = ("%s/%s/"):format(conf("plugins.dir"), name)
    for file, text in pairs(FILES) do
        local is_done, problem = write_file(folder .. file:gsub("NAME", name),
            (text:gsub("NAME", name)))
        if not is_done then
            return nil, problem
        end
    end
    return ("plugins/%s is written: ./souk test plugins/%s/spec, then ./souk plugin enable %s "
        .. "--grant all"):format(name, name, name)
end

return plugin_template
