--- The life of a payout to a bank: debited when it is made, on its way an hour later, paid when it
-- arrives; it may fail even after that, and then the money is back. Automatic ones are made at
-- midnight (UTC) of the virtual clock, as the account's schedule says.
local balance_transactions = require("stripe_emulator.resources.balance_transactions")
local books = require("stripe_emulator.money.books")
local calendar = require("stripe_emulator.money.calendar")
local clock = require("stripe_emulator.state.clock")
local errors = require("stripe_emulator.wire.errors")
local events = require("stripe_emulator.resources.events")
local metadata = require("stripe_emulator.wire.metadata")
local store = require("stripe_emulator.state.store")

local payout = {}

local LEAVES_AFTER_S = 3600
local ARRIVES_AFTER_DAYS = 2

local FAILURES = {
    account_closed = "The bank account has been closed.",
    account_frozen = "The bank account has been frozen.",
    could_not_process = "The bank could not process this payout.",
    invalid_account_number = "The routing number seems correct, but the account number is "
        .. "invalid.",
    no_account = "The bank account details on file are probably incorrect. No bank account could "
        .. "be located with those details.",
}

--- The account as balances and events name it: nil for the platform.
local function owner_of(emulator, account)
    return not store.hidden(emulator.store, account).is_platform and account.id or nil
end

--- Tells the endpoint of the account whose payout it is.
function payout.tell(emulator, call, kind, made)
    local owner = store.hidden(emulator.store, made).account
    events.emit(emulator, call, "payout." .. kind, made, nil, owner)
end

--- The bank account for the currency, or the one that is asked for: bank | nil, err.
local function bank_of(account, asked)
    for _, bank in ipairs(account.external_accounts.data) do
        if bank.currency == asked.currency and (asked.destination or bank.id) == bank.id then
            return bank
        end
    end
    if asked.destination then
        return nil, errors.no_such(400, "external account", asked.destination, "destination")
    end
    return nil, errors.invalid("currency", nil, ("Sorry, you don't have any external accounts in "
        .. "that currency (%s)."):format(asked.currency))
end

local function refusal(emulator, account, asked)
    if not account.payouts_enabled then
        return errors.invalid(nil, "payouts_not_allowed", "Cannot create payouts. Please contact "
            .. "us via https://support.stripe.com/contact with details for assistance.")
    end
    local balance = books.balance(emulator, owner_of(emulator, account), asked.currency)
    if balance.available < asked.amount then
        return errors.invalid(nil, "balance_insufficient", "You have insufficient funds in your "
            .. "Stripe account for this transfer. Your card balance is too low. You can use the "
            .. "the /v1/balance endpoint to view your Stripe balance (for more details, see "
            .. "stripe.com/docs/api#balance).")
    end
end

local function build(emulator, account, asked, bank)
    local null = emulator.json.null
    local now = clock.now(emulator.clock)
    return store.insert(emulator.store, {
        id = store.new_id(emulator.store, "po"),
        object = "payout",
        amount = asked.amount,
        arrival_date = calendar.midnight(now + ARRIVES_AFTER_DAYS * calendar.DAY_S),
        automatic = asked.automatic or false,
        balance_transaction = null,
        created = now,
        currency = asked.currency,
        description = asked.description or (asked.automatic and "STRIPE PAYOUT") or null,
        destination = bank.id,
        failure_balance_transaction = null,
        failure_code = null,
        failure_message = null,
        livemode = false,
        metadata = metadata.merge(asked.metadata),
        method = "standard",
        original_payout = null,
        reconciliation_status = asked.automatic and "in_progress" or "not_applicable",
        reversed_by = null,
        source_type = "card",
        statement_descriptor = asked.statement_descriptor or null,
        status = "pending",
        type = "bank_account",
    }, { account = owner_of(emulator, account) })
end

local function move(emulator, made, kind, amount)
    return balance_transactions.create(emulator, {
        account = store.hidden(emulator.store, made).account,
        type = kind,
        amount = amount,
        currency = made.currency,
        source = made.id,
        description = made.description,
        is_available_at_once = true,
    }).id
end

--- asked: amount, currency, and optionally destination, description, metadata,
-- statement_descriptor, automatic. payout | nil, err.
function payout.create(emulator, call, account, asked)
    local wrong = refusal(emulator, account, asked)
    local bank
    if not wrong then
        bank, wrong = bank_of(account, asked)
    end
    if wrong then
        return nil, wrong
    end
    local made = build(emulator, account, asked, bank)
    made.balance_transaction = move(emulator, made, "payout", -made.amount)
    clock.after(emulator.clock, LEAVES_AFTER_S, "payout.leave", { payout = made.id })
    clock.at(emulator.clock, made.arrival_date, "payout.arrive", { payout = made.id })
    payout.tell(emulator, call, "created", made)
    return made
end

local function give_back(emulator, made, status, kind)
    made.status = status
    made.failure_balance_transaction = move(emulator, made, kind, made.amount)
end

function payout.cancel(emulator, call, made)
    if made.status ~= "pending" or made.automatic then
        return nil, errors.invalid(nil, nil, "Payouts can only be canceled if they are pending and "
            .. "were not made automatically.")
    end
    give_back(emulator, made, "canceled", "payout_cancel")
    payout.tell(emulator, call, "canceled", made)
    return made
end

--- The bank sends it back, even after it was paid: payout, or nil when it has ended otherwise.
function payout.fail(emulator, made, code)
    if made.status == "failed" or made.status == "canceled" then
        return nil
    end
    give_back(emulator, made, "failed", "payout_failure")
    made.failure_code = code
    made.failure_message = FAILURES[code] or "The bank returned this payout."
    payout.tell(emulator, nil, "failed", made)
    payout.tell(emulator, nil, "updated", made)
    return made
end

local function leave(emulator, args)
    local made = store.get(emulator.store, "payout", args.payout)
    if made.status == "pending" then
        made.status = "in_transit"
        payout.tell(emulator, nil, "updated", made)
    end
end

local function arrive(emulator, args)
    local made = store.get(emulator.store, "payout", args.payout)
    if made.status ~= "in_transit" then
        return
    end
    made.status = "paid"
    payout.tell(emulator, nil, "updated", made)
    payout.tell(emulator, nil, "paid", made)
    if made.automatic then
        made.reconciliation_status = "completed"
        payout.tell(emulator, nil, "reconciliation_completed", made)
    end
end

--- Notes which movements an automatic payout pays out: all that are available and were in none.
local function gather(emulator, owner, made)
    local now = clock.now(emulator.clock)
    for _, line in ipairs(books.lines(emulator, owner)) do
        local hidden = store.hidden(emulator.store, line)
        if not hidden.payout and line.currency == made.currency and line.available_on <= now then
            hidden.payout = made.id
            store.touch(emulator.store, line)
        end
    end
end

--- Pays out all that is available, a payout each currency that there is a bank account for.
function payout.run(emulator, account)
    local owner = owner_of(emulator, account)
    for _, currency in ipairs(books.currencies(emulator, owner)) do
        local amount = books.balance(emulator, owner, currency).available
        local made = amount > 0 and payout.create(emulator, nil, account,
            { amount = amount, currency = currency, automatic = true })
        if made then
            gather(emulator, owner, made)
        end
    end
end

--- Whether the schedule pays out on the day that begins at `at`.
local function is_day(schedule, at)
    if schedule.interval == "weekly" then
        return calendar.weekday(at) == (schedule.weekly_anchor or "monday")
    elseif schedule.interval == "monthly" then
        local day, anchor = calendar.day_of_month(at), schedule.monthly_anchor or 1
        local is_last = calendar.day_of_month(at + calendar.DAY_S) == 1
        return day == anchor or (is_last and day < anchor)
    end
    return schedule.interval == "daily"
end

local function arm(emulator, account, at)
    local hidden = store.hidden(emulator.store, account)
    if account.settings.payouts.schedule.interval ~= "manual" and not hidden.is_armed then
        hidden.is_armed = true
        clock.at(emulator.clock, at, "payout.run", { account = account.id, at = at })
    end
end

local function run(emulator, args)
    local account = store.get(emulator.store, "account", args.account)
    if not account or store.hidden(emulator.store, account).is_deauthorized then
        return
    end
    if is_day(account.settings.payouts.schedule, args.at) then
        payout.run(emulator, account)
    end
    store.hidden(emulator.store, account).is_armed = nil
    arm(emulator, account, args.at + calendar.DAY_S)
end

--- Changes when the account is paid out: fields of Stripe's schedule, interval among them.
function payout.set_schedule(emulator, account, changes)
    local schedule = account.settings.payouts.schedule
    for name, value in pairs(changes) do
        schedule[name] = value
    end
    store.touch(emulator.store, account)
    arm(emulator, account, calendar.midnight(clock.now(emulator.clock)) + calendar.DAY_S)
end

payout.timers = { ["payout.leave"] = leave, ["payout.arrive"] = arrive, ["payout.run"] = run }

return payout
