--- The balance of each account, as its balance transactions say and nothing else: available from
-- available_on, pending before. Sums are kept beside the store and made again from it whenever they
-- are not there, so they are no state of their own.
local clock = require("stripe_emulator.state.clock")
local store = require("stripe_emulator.state.store")

local books = {}

local NEVER = math.huge

--- By store, so that a reset or a restart begins with none.
local kept = setmetatable({}, { __mode = "k" })

local function book_of(self, account)
    local key = account or ""
    local book = self.accounts[key]
    if not book then
        book = { lines = {}, sums = {}, waiting = {}, next_at = NEVER }
        self.accounts[key] = book
    end
    return book
end

local function sum_of(book, currency)
    local sum = book.sums[currency]
    if not sum then
        sum = { available = 0, pending = 0 }
        book.sums[currency] = sum
    end
    return sum
end

local function wait_for(book, line)
    book.waiting[#book.waiting + 1] = line
    book.next_at = math.min(book.next_at, line.available_on)
end

local function add(book, line)
    book.lines[#book.lines + 1] = line
    local sum = sum_of(book, line.currency)
    sum.pending = sum.pending + line.net
    wait_for(book, line)
end

--- Moves what has become available.
local function settle(book, now)
    if now < book.next_at then
        return
    end
    local waiting = book.waiting
    book.waiting, book.next_at = {}, NEVER
    for _, line in ipairs(waiting) do
        if line.available_on <= now then
            local sum = sum_of(book, line.currency)
            sum.pending = sum.pending - line.net
            sum.available = sum.available + line.net
        else
            wait_for(book, line)
        end
    end
end

local function current(emulator, account)
    local self = kept[emulator.store]
    if not self then
        self = { seen = 0, accounts = {} }
        kept[emulator.store] = self
    end
    local all = store.all(emulator.store, "balance_transaction")
    for position = self.seen + 1, #all do
        local line = all[position]
        add(book_of(self, store.hidden(emulator.store, line).account), line)
    end
    self.seen = #all
    local book = book_of(self, account)
    settle(book, clock.now(emulator.clock))
    return book
end

--- account: an id, nil for the platform. {available=, pending=} in minor units, either may be
-- negative.
function books.balance(emulator, account, currency)
    local sum = current(emulator, account).sums[currency]
    return { available = sum and sum.available or 0, pending = sum and sum.pending or 0 }
end

--- The currencies that ever moved, in alphabetical order.
function books.currencies(emulator, account)
    local codes = {}
    for code in pairs(current(emulator, account).sums) do
        codes[#codes + 1] = code
    end
    table.sort(codes)
    return codes
end

--- The account's balance transactions, oldest first. Not to be changed by the caller.
function books.lines(emulator, account)
    return current(emulator, account).lines
end

return books
