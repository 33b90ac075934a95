--- Folders of plugins for specs: what a spec writes, in a place of its own.
local shell = require("spec.support.shell")

local plugin_folder = {}

local made = 0

--- Writes plugins/<name>/<file> for each {name = {file = text}}; the folder, for plugins.dir.
function plugin_folder.write(plugins)
    made = made + 1
    local folder = ("%s/plugins_%d"):format(os.getenv("SOUK_HOME"), made)
    for name, files in pairs(plugins) do
        for file, text in pairs(files) do
            local path = ("%s/%s/%s"):format(folder, name, file)
            shell.must("mkdir -p " .. shell.quote(path:match("^(.*)/")))
            shell.write(path, text)
        end
    end
    return folder
end

--- The text of a plugin.lua: what it is called, and the rest of its manifest.
function plugin_folder.manifest(name, rest)
    return ([[
local db = require("souk.db")
local s = require("souk.schema")
return { name = "%s", version = "1.0.0", api = 1, %s }
]]):format(name, rest)
end

return plugin_folder
