--- multipart/form-data, as browsers and curl -F send it: one file and a few small fields.
local err = require("souk.err")
local text = require("souk.text")

local multipart = {}

local PARTS_MAX = 10
local FIELD_MAX = 1000

local function boundary_of(content_type)
    local boundary = content_type:match('[Bb][Oo][Uu][Nn][Dd][Aa][Rr][Yy]="([^"]+)"')
        or content_type:match("[Bb][Oo][Uu][Nn][Dd][Aa][Rr][Yy]=([^;%s]+)")
    return boundary and #boundary <= 70 and boundary or nil
end

--- The parts as {head, from, to}; nil when the frame is broken.
local function parts_of(body, boundary)
    local delimiter = "--" .. boundary
    if body:sub(1, #delimiter) ~= delimiter then
        return nil
    end
    local parts, at = {}, #delimiter + 1
    while body:sub(at, at + 1) == "\r\n" and #parts < PARTS_MAX do
        local head_end, content = body:find("\r\n\r\n", at, true)
        local next_from, next_to = body:find("\r\n" .. delimiter, at, true)
        if not head_end or not next_from or content >= next_from then
            return nil
        end
        parts[#parts + 1] = {
            head = body:sub(at + 2, head_end - 1), from = content + 1, to = next_from - 1,
        }
        at = next_to + 1
    end
    return body:sub(at, at + 1) == "--" and parts or nil
end

local function name_of(part)
    return part.head:match('[;%s]name="([^"\r\n]*)"') or part.head:match("[;%s]name=([%w_-]+)")
end

local function is_file(part)
    local name = name_of(part)
    return name == "image" or name == "file" or part.head:find("filename", 1, true) ~= nil
end

--- The text fields by name; or nil, err.
local function fields_of(body, parts)
    local fields = {}
    for _, part in ipairs(parts) do
        local name, value = name_of(part), body:sub(part.from, part.to)
        if name and not is_file(part) and #value <= FIELD_MAX then
            if not text.is_utf8(value) or value:find("\0", 1, true) then
                return nil, err.field(text.printable(name), "must be UTF-8 without NUL")
            end
            fields[name] = value
        end
    end
    return fields
end

--- The bytes of the one file (part `image` or `file`, or any with a filename) and a table of the
-- text fields; or nil, err.
function multipart.file(body, content_type)
    local boundary = boundary_of(content_type)
    local parts = boundary and parts_of(body, boundary)
    if not parts then
        return nil, err.bad_request("the multipart body is malformed")
    end
    local files = {}
    for _, part in ipairs(parts) do
        files[#files + 1] = is_file(part) and body:sub(part.from, part.to) or nil
    end
    if #files ~= 1 or files[1] == "" then
        return nil, err.field("image", "send one file a request")
    end
    local fields, problem = fields_of(body, parts)
    if not fields then
        return nil, problem
    end
    return files[1], fields
end

return multipart
