--- The OpenAPI document as one page of HTML: no scripts, nothing fetched, readable without
-- colours.
local json = require("core.json")

local docs_page = {}

local METHODS = { "get", "post", "put", "patch", "delete" }

local STYLE = [[
:root { color-scheme: light dark; --line: #8884; --soft: #8881 }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 64rem; margin: 0 auto;
       padding: 2rem 1rem 6rem }
h1 { margin: 0 }
h2 { margin: 3rem 0 .5rem; border-bottom: 1px solid var(--line) }
h4 { margin: 1rem 0 .25rem }
code, pre { font: 14px/1.45 ui-monospace, monospace }
pre { background: var(--soft); padding: .75rem; overflow: auto; margin: .25rem 0;
      border-radius: 4px }
nav a { margin-right: 1rem; white-space: nowrap }
details { border-bottom: 1px solid var(--line); padding: .35rem 0 }
details > div { padding: .25rem 0 1rem 1rem }
summary { cursor: pointer }
summary b { display: inline-block; width: 4.5rem; font: 600 13px ui-monospace, monospace }
summary span { opacity: .75; margin-left: .75rem }
.get { color: #1a7f4b } .post { color: #1f6feb } .put, .patch { color: #9a6700 }
.delete { color: #c5283d }
table { border-collapse: collapse; width: 100% }
td { text-align: left; padding: .2rem .75rem .2rem 0; vertical-align: top;
     border-bottom: 1px solid var(--line) }
small { opacity: .75 }]]

local function escape(value)
    return (tostring(value):gsub("[&<>\"]", {
        ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;",
    }))
end

local function anchor(name)
    return (name:gsub("[^%w]+", "-"))
end

local function sorted_keys(t)
    local keys = {}
    for key in pairs(t) do
        keys[#keys + 1] = key
    end
    table.sort(keys)
    return keys
end

--- JSON with line breaks.
local function pretty(value, indent)
    if type(value) ~= "table" or next(value) == nil then
        return json.encode(value)
    end
    local inner, parts = indent .. "  ", {}
    local is_array = json.is_array(value)
    if is_array then
        for i, member in ipairs(value) do
            parts[i] = inner .. pretty(member, inner)
        end
    else
        for i, key in ipairs(sorted_keys(value)) do
            parts[i] = inner .. json.encode(key) .. ": " .. pretty(value[key], inner)
        end
    end
    return (is_array and "[\n" or "{\n") .. table.concat(parts, ",\n") .. "\n" .. indent
        .. (is_array and "]" or "}")
end

local type_text

local function range_text(schema)
    local out = {}
    for _, bound in ipairs({
        { "minimum", ">=" }, { "exclusiveMinimum", ">" }, { "maximum", "<=" },
        { "minLength", "length >=" }, { "maxLength", "length <=" }, { "maxItems", "items <=" },
    }) do
        local value = schema[bound[1]]
        if value and not (bound[1] == "minLength" and value == 0)
            and math.abs(value) < 2 ^ 53 - 1 then
            out[#out + 1] = bound[2] .. " " .. ("%.15g"):format(value)
        end
    end
    return #out > 0 and " (" .. table.concat(out, ", ") .. ")" or ""
end

local function object_text(schema, indent)
    local inner, lines, required = indent .. "  ", {}, {}
    for _, name in ipairs(schema.required or {}) do
        required[name] = true
    end
    for i, name in ipairs(sorted_keys(schema.properties or {})) do
        lines[i] = inner .. name .. (required[name] and ": " or "?: ")
            .. type_text(schema.properties[name], inner)
    end
    return #lines == 0 and "{}" or "{\n" .. table.concat(lines, "\n") .. "\n" .. indent .. "}"
end

local function scalar_text(schema)
    local name = type(schema.type) == "table" and table.concat(schema.type, " or ")
        or schema.type or "any"
    local is_told = schema.format and schema.format ~= "int64"
    return name .. (is_told and " " .. schema.format or "") .. range_text(schema)
end

--- A schema in the manner of a type: names, "?" where it may be missing, bounds in brackets.
function type_text(schema, indent)
    if schema["$ref"] then
        return schema["$ref"]:match("[^/]+$")
    elseif schema.anyOf then
        return type_text(schema.anyOf[1], indent) .. " or null"
    elseif schema.enum then
        return table.concat(schema.enum, " | ")
    elseif schema.properties then
        return object_text(schema, indent) .. (schema.type == "object" and "" or " or null")
    elseif schema.type == "array" then
        return "list of " .. type_text(schema.items, indent) .. range_text(schema)
    end
    return scalar_text(schema)
end

local function parameter_rows(operation, add)
    if not operation.parameters then
        return
    end
    add("<h4>Parameters</h4><table>")
    for _, parameter in ipairs(operation.parameters) do
        add("<tr><td><code>", escape(parameter.name), "</code><td>", escape(parameter["in"]),
            parameter.required and ", required" or "", "<td><code>",
            escape(type_text(parameter.schema, "")), "</code> ",
            escape(parameter.description or parameter.schema.description or ""))
    end
    add("</table>")
end

local function content_block(title, content, add)
    for _, media in ipairs(sorted_keys(content)) do
        local described = content[media]
        add("<h4>", escape(title), " <small>", escape(media), "</small></h4><pre>",
            escape(type_text(described.schema, "")), "</pre>")
        if described.example ~= nil then
            add("<pre>", escape(pretty(described.example, "")), "</pre>")
        end
    end
end

local function response_rows(operation, add)
    local refusals = {}
    for _, status in ipairs(sorted_keys(operation.responses)) do
        local response = operation.responses[status]
        if tonumber(status) < 300 then
            add("<h4>", status, " ", escape(response.description), "</h4>")
            content_block("Answer", response.content or {}, add)
        else
            refusals[#refusals + 1] = "<tr><td>" .. status .. "<td>"
                .. escape(response.description):gsub("\n\n", "<br>"):gsub("`(.-)`",
                    "<code>%1</code>")
        end
    end
    add("<h4>Refusals</h4><table>", table.concat(refusals), "</table>")
end

local function operation_block(path, method, operation, add)
    add('<details id="', escape(operation.operationId), '"><summary><b class="', method, '">',
        method:upper(),
        "</b><code>", escape(path), "</code><span>", escape(operation.summary),
            "</span></summary><div>")
    for paragraph in (operation.description .. "\n\n"):gmatch("(.-)\n\n") do
        add("<p>", escape(paragraph), "</p>")
    end
    parameter_rows(operation, add)
    content_block("Body", operation.requestBody and operation.requestBody.content or {}, add)
    response_rows(operation, add)
    add("</div></details>")
end

local function tag_section(document, tag, add, pause)
    add('<h2 id="', anchor(tag.name), '">', escape(tag.name), "</h2><p>", escape(tag.description),
        "</p>")
    for _, path in ipairs(sorted_keys(document.paths)) do
        for _, method in ipairs(METHODS) do
            local operation = document.paths[path][method]
            if operation and operation.tags[1] == tag.name then
                operation_block(path, method, operation, add)
                pause()
            end
        end
    end
end

--- The page, as text. pause() is called after each operation.
function docs_page.html(document, pause)
    local out = {}
    local function add(...)
        for i = 1, select("#", ...) do
            out[#out + 1] = (select(i, ...))
        end
    end
    add('<!doctype html><html lang="en"><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width"><title>',
        escape(document.info.title), " API</title><style>", STYLE, "</style><h1>",
        escape(document.info.title), "</h1><p>", escape(document.info.description),
        '</p><p><a href="openapi.json">openapi.json</a></p><nav>')
    for _, tag in ipairs(document.tags) do
        add('<a href="#', anchor(tag.name), '">', escape(tag.name), "</a> ")
    end
    add('<a href="#types">types</a></nav>')
    for _, tag in ipairs(document.tags) do
        tag_section(document, tag, add, pause)
    end
    add('<h2 id="types">types</h2>')
    for _, name in ipairs(sorted_keys(document.components.schemas)) do
        add("<details><summary><code>", escape(name), "</code></summary><pre>",
            escape(type_text(document.components.schemas[name], "")), "</pre></details>")
    end
    add("</html>")
    return table.concat(out)
end

return docs_page
