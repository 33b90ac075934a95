--- PostgreSQL for the nginx peer: the wire protocol over nginx's own sockets, which do not block
-- the worker. Debian packages no such client (its lua-sql and lua-dbi block), so this is the least
-- that is fair: kept connections, prepared statements, text results as arrays of values by row.
-- luacheck: globals ngx
local bit = require("bit")

local nginx_pg = { settings = {} }

local POOL = 8

local function int32(n)
    return string.char(bit.band(bit.rshift(n, 24), 255), bit.band(bit.rshift(n, 16), 255),
        bit.band(bit.rshift(n, 8), 255), bit.band(n, 255))
end

local function int16(n)
    return string.char(bit.band(bit.rshift(n, 8), 255), bit.band(n, 255))
end

local function to_int32(text, at)
    local a, b, c, d = text:byte(at, at + 3)
    return bit.bor(bit.lshift(a, 24), bit.lshift(b, 16), bit.lshift(c, 8), d)
end

local function message(kind, body)
    return kind .. int32(#body + 4) .. body
end

local function read_row(text)
    local count = text:byte(1) * 256 + text:byte(2)
    local row, at = {}, 3
    for i = 1, count do
        local len = to_int32(text, at)
        at = at + 4
        if len >= 0 then
            row[i] = text:sub(at, at + len - 1)
            at = at + len
        end
    end
    return row
end

--- All rows until the server is ready for the next query.
local function read_rows(sock)
    local rows, problem = {}, nil
    while true do
        local head = assert(sock:receive(5))
        local len = to_int32(head, 2) - 4
        local body = len > 0 and assert(sock:receive(len)) or ""
        local kind = head:sub(1, 1)
        if kind == "D" then
            rows[#rows + 1] = read_row(body)
        elseif kind == "E" then
            problem = body
        elseif kind == "Z" then
            return not problem and rows or error(problem)
        end
    end
end

local function connect(statements)
    local sock = ngx.socket.tcp()
    local settings = nginx_pg.settings
    assert(sock:connect("unix:" .. settings.socket .. "/.s.PGSQL.5432",
        { pool = "pg", pool_size = POOL, backlog = 1000 }))
    if sock:getreusedtimes() == 0 then
        local body = int32(196608) .. "user\0souk\0database\0" .. settings.database .. "\0\0"
        assert(sock:send(int32(#body + 4) .. body))
        read_rows(sock)
        for name, text in pairs(statements) do
            assert(sock:send(message("P", name .. "\0" .. text .. "\0" .. int16(0))
                .. message("S", "")))
            read_rows(sock)
        end
    end
    return sock
end

--- Runs statements[name] with text parameters; rows are arrays of texts, nil for null.
function nginx_pg.query(statements, name, ...)
    local sock = connect(statements)
    local words = { "\0", name, "\0", int16(0), int16(select("#", ...)) }
    for _, value in ipairs({ ... }) do
        words[#words + 1] = int32(#value) .. value
    end
    words[#words + 1] = int16(0)
    assert(sock:send(message("B", table.concat(words)) .. message("E", "\0" .. int32(0))
        .. message("S", "")))
    local rows = read_rows(sock)
    sock:setkeepalive(60000, POOL)
    return rows
end

return nginx_pg
