--- The pages a buyer sees: choosing a test card, 3D Secure, and what became of the payment.
local cards = require("stripe_emulator.money.cards")
local currencies = require("stripe_emulator.money.currencies")
local html = require("stripe_emulator.pay.html")
local links = require("stripe_emulator.pay.links")

local view = {}

local SUMMARY = [[
<h1>{{heading}}</h1>
<p class="amount">{{amount}}</p>
<p class="purpose">{{purpose}}</p>
<dl>{{{details}}}</dl>
]]

local DETAIL = "<dt>{{name}}</dt><dd>{{value}}</dd>"

local NOTE = [[<div class="note {{tone}}" {{{role}}}><strong>{{title}}</strong>{{text}}</div>]]

local CHOICE = [[
<label><input type="radio" name="pm" value="{{token}}" {{{checked}}} required>
<span class="card"><span>{{name}} <span class="number">•••• {{last4}}</span></span>
<span class="effect">{{effect}}</span></span></label>
]]

local CHOOSE = [[
<form method="post" action="{{action}}">
<fieldset><legend>Pay with a test card</legend>{{{choices}}}</fieldset>
<button type="submit" data-busy="Paying…">Pay {{amount}}</button>
</form>
]]

local AUTHENTICATE = [[
<p>Your bank would now ask you to confirm this payment. Say how that ends.</p>
<form method="post" action="{{action}}">
<button type="submit" name="ok" value="1" data-busy="Completing…">Complete authentication</button>
<button type="submit" name="ok" value="0" class="second"
  data-busy="Failing…">Fail authentication</button>
</form>
]]

local BACK = [[<a class="button" href="{{href}}" rel="noreferrer">{{text}}</a>]]

local function present(value, null)
    return value ~= nil and value ~= null and value ~= ""
end

local function details(emulator, intent)
    local rows = {
        { "Order", intent.metadata.order_id or intent.transfer_group },
        { "Receipt to", intent.receipt_email },
        { "Payment", intent.id },
    }
    local out = {}
    for _, row in ipairs(rows) do
        if present(row[2], emulator.json.null) then
            out[#out + 1] = html.fill(DETAIL, { name = row[1], value = row[2] })
        end
    end
    return table.concat(out)
end

local function summary(emulator, intent, heading)
    local null = emulator.json.null
    return html.fill(SUMMARY, {
        heading = heading,
        amount = currencies.format(intent.amount, intent.currency),
        purpose = present(intent.description, null) and intent.description or "A payment",
        details = details(emulator, intent),
    })
end

local function note(tone, title, text)
    local role = tone == "bad" and 'role="alert" tabindex="-1"' or 'role="status"'
    return html.fill(NOTE, { tone = tone, role = role, title = title, text = text })
end

--- The address of a page of this payment, with the way back carried along.
function view.address(intent, suffix, back)
    local query = back and "?return_url=" .. links.escape(back) or ""
    return "/pay/" .. intent.client_secret .. suffix .. query
end

local function choices(chosen)
    local out = {}
    for position, choice in ipairs(cards.CHOICES) do
        local is_chosen = choice.token == chosen or (not chosen and position == 1)
        out[position] = html.fill(CHOICE, {
            token = choice.token,
            checked = is_chosen and "checked" or "",
            name = choice.name,
            last4 = cards.find(choice.token).card.last4,
            effect = choice.effect,
        })
    end
    return table.concat(out)
end

local function choose(emulator, intent, back, problem)
    local body = summary(emulator, intent, "Amount to pay")
    if problem then
        body = body .. note("bad", problem.title, problem.text)
    end
    return body .. html.fill(CHOOSE, {
        action = view.address(intent, "/confirm", back),
        amount = currencies.format(intent.amount, intent.currency),
        choices = choices(),
    })
end

--- What a buyer may know of a refusal: never that a card was reported lost or stolen.
local function problem_of(emulator, intent)
    local failed = intent.last_payment_error
    if failed == emulator.json.null then
        return nil
    elseif failed.code == "payment_intent_authentication_failure" then
        return { title = "Authentication failed.", text = "Try again, or choose another card." }
    end
    return { title = failed.message, text = "Nothing was charged. Choose another card." }
end

local function back_link(intent, back)
    if not back then
        return ""
    end
    return html.fill(BACK, { href = links.with_result(back, intent), text = "Return to the shop" })
end

local CLOSED = {
    succeeded = {
        "Payment complete", "Paid", "good", "Payment succeeded.", "You can close this page.",
    },
    requires_capture = {
        "Payment authorized", "Authorized", "good", "The amount is reserved.",
            "You can close this page.",
    },
    processing = {
        "Payment processing", "Amount", "good", "The bank is working on it.",
            "This may take some days.",
    },
    canceled = {
        "Payment canceled", "Amount", "bad", "This payment was canceled.",
            "It can no longer be paid.",
    },
}

--- The page for the intent's status: title, body. problem: what was wrong with the form, if
-- anything.
function view.payment(emulator, intent, back, problem)
    local closed = CLOSED[intent.status]
    if closed then
        local title, heading, tone, strong, text = unpack(closed)
        local body = note(tone, strong, text) .. summary(emulator, intent, heading)
        return title, body .. back_link(intent, back)
    end
    problem = problem or problem_of(emulator, intent)
    local title = problem and "Payment declined" or "Pay"
    return title, choose(emulator, intent, back, problem)
end

function view.authentication(emulator, intent, back)
    local body = summary(emulator, intent, "3D Secure authentication")
    return "Authenticate the payment", body .. html.fill(AUTHENTICATE, {
        action = view.address(intent, "/3ds", back),
    })
end

function view.missing()
    return "No such payment", note("bad", "No such payment.",
        "The address may be incomplete, or the emulator was restarted.")
end

return view
