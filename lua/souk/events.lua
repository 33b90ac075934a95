--- What happened, told to others after commit: a row of the outbox, written by the transaction
-- that did it.
local db = require("souk.db")
local json = require("core.json")

local events = {}

--- The row as an entry of db.batch, to travel with the other statements of a transaction.
function events.entry(event_type, data)
    return { "event/emit", event_type, json.encode(json.object(data)) }
end

--- Inside db.tx only. event_type: "order.confirmed"; data: a plain table.
function events.emit(event_type, data)
    if not db.in_tx() then
        error("events.emit outside db.tx: an event must commit with what it tells of", 2)
    end
    return db.exec(unpack(events.entry(event_type, data)))
end

return events
