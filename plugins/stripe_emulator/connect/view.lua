--- The pages a vendor sees: onboarding in place of Stripe's many questions, and what is in the
-- account.
local books = require("stripe_emulator.money.books")
local currencies = require("stripe_emulator.money.currencies")
local html = require("stripe_emulator.pay.html")

local view = {}

local NOTE = [[<div class="note {{tone}}" {{{role}}}><strong>{{title}}</strong>{{text}}</div>]]

local DETAIL = "<dt>{{name}}</dt><dd>{{value}}</dd>"

local ONBOARD = [[
<h1>Get paid by the marketplace</h1>
<p>Stripe would now ask for the business, its people and a bank account. Say how that ends.</p>
<dl>{{{details}}}</dl>
<form method="post" action="{{action}}">
<input type="hidden" name="visit" value="{{visit}}">
<button type="submit" name="outcome" value="complete"
  data-busy="Completing…">Complete onboarding</button>
<button type="submit" name="outcome" value="missing" class="second"
  data-busy="Submitting…">Submit, but a document is missing</button>
<button type="submit" name="outcome" value="leave" class="second"
  data-busy="Leaving…">Leave without finishing</button>
</form>
]]

local ACCOUNT = [[
<h1>Express dashboard</h1>
<dl>{{{details}}}</dl>
]]

local function rows(list)
    local out = {}
    for position, row in ipairs(list) do
        out[position] = html.fill(DETAIL, { name = row[1], value = row[2] })
    end
    return table.concat(out)
end

local function email_of(emulator, account)
    return account.email ~= emulator.json.null and account.email or "none"
end

function view.onboarding(emulator, account, action, visit)
    return "Onboarding", html.fill(ONBOARD, {
        action = action,
        visit = visit,
        details = rows({
            { "Account", account.id }, { "Country", account.country },
            { "Email", email_of(emulator, account) },
        }),
    })
end

local function money(amount, currency)
    return (amount < 0 and "-" or "") .. currencies.format(math.abs(amount), currency)
end

function view.express(emulator, account)
    local list = {
        { "Account", account.id }, { "Payouts", account.payouts_enabled and "on" or "off" },
    }
    for _, currency in ipairs(books.currencies(emulator, account.id)) do
        local balance = books.balance(emulator, account.id, currency)
        list[#list + 1] = { "Available", money(balance.available, currency) }
        list[#list + 1] = { "On the way", money(balance.pending, currency) }
    end
    return "Express dashboard", html.fill(ACCOUNT, { details = rows(list) })
end

function view.missing()
    return "No such link", html.fill(NOTE, { tone = "bad", role = 'role="alert" tabindex="-1"',
        title = "No such link.", text = "It may have been used, or the emulator was restarted." })
end

return view
