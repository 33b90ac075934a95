--- The files of the project, for specs about them: what git would carry, nothing generated.
local shell = require("spec.support.shell")

local tree = {}

local FOLDERS = "core lua plugins sql spec conf"
local ROOT_FILES = "souk CMakeLists.txt CMakePresets.json README.md CONTRIBUTING.md CHANGELOG.md "
    .. "LICENSE .clang-format .clang-tidy .luacheckrc .busted .ci/run .gitignore"

local function lines_of(output)
    local lines = {}
    for line in output:gmatch("[^\n]+") do
        lines[#lines + 1] = line
    end
    return lines
end

--- Paths below folders (all of the project's without), whose name matches the pattern.
function tree.files(pattern, folders)
    local found = {}
    local output = shell.must("find " .. (folders or FOLDERS)
        .. " -type f -not -path '*/node_modules/*' | sort")
    for _, path in ipairs(lines_of(output)) do
        if path:find(pattern) then
            found[#found + 1] = path
        end
    end
    return found
end

--- Every text file of the project.
function tree.all()
    local found = tree.files(".", FOLDERS)
    for path in ROOT_FILES:gmatch("%S+") do
        found[#found + 1] = path
    end
    return found
end

function tree.folders(line)
    return lines_of(shell.must(line))
end

--- Calls each(line, number) for the lines of a file.
function tree.each_line(path, each)
    local number = 0
    for line in (assert(shell.read(path), path) .. "\n"):gmatch("([^\n]*)\n") do
        number = number + 1
        each(line, number)
    end
end

return tree
