--- Who did what to which object, and why: rows that can only be added (table audit_log).
local db = require("souk.db")
local json = require("core.json")

local audit = {}

local function text_of(value)
    return value == nil and json.null or json.encode(value)
end

--- The row as an entry of db.batch. entry: {actor = user id or nil for the server, action =
-- "vendor.approve", object = "vendor:<id>", before, after = plain tables or nil, reason,
-- request_id}.
function audit.entry(entry)
    return {
        "audit/write", entry.actor or json.null, entry.action, entry.object,
        text_of(entry.before), text_of(entry.after), entry.reason or json.null,
        entry.request_id or json.null,
    }
end

--- Inside the transaction of what it records.
function audit.write(entry)
    if not db.in_tx() then
        error("audit.write outside db.tx: a record must commit with what it records", 2)
    end
    return db.exec(unpack(audit.entry(entry)))
end

return audit
