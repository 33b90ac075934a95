--- A vendor's Stripe account in SQL: whatever order news comes in, the newest is what counts, and
--- an account that is no longer the vendor's changes nothing.
local fixture = require("spec.sql.fixture")

local VENDOR = "00000000-0000-4000-8001-000000000001"
local OTHER = "00000000-0000-4000-8001-000000000002"

describe("stripe_account_apply", function()
    local f

    setup(function()
        f = fixture.new()
    end)
    teardown(function()
        f:done()
    end)
    before_each(function()
        f:reset()
        f.db:query("select stripe_account_open('" .. VENDOR .. "', 'US')")
    end)

    --- changes: fields of the account that differ. asked_at: SQL.
    local function text_of(changes, asked_at)
        local fields = {
            id = "'acct_1'", attempt = "'1'", transfers = "'inactive'", chargesEnabled = "false",
            payoutsEnabled = "false", detailsSubmitted = "false", currentlyDue = "'[]'::jsonb",
        }
        for name, value in pairs(changes or {}) do
            fields[name] = value
        end
        local pairs_text = {}
        for name, value in pairs(fields) do
            pairs_text[#pairs_text + 1] = ("'%s', %s"):format(name, value)
        end
        return ("select stripe_account_apply('%s', jsonb_build_object(%s), %s)"):format(
            VENDOR, table.concat(pairs_text, ", "), asked_at or "clock_timestamp()")
    end
    local function apply(changes, asked_at)
        return f.db:value(text_of(changes, asked_at))
    end
    local function missing()
        return f.db:value("select stripe_account_missing('" .. VENDOR .. "')")
    end
    local READY = { transfers = "'active'", chargesEnabled = "true", payoutsEnabled = "true" }

    it("says what is missing, from no account to one that can receive", function()
        assert.equal("the vendor has no Stripe account",
            f.db:value("select stripe_account_missing('" .. OTHER .. "')"))
        assert.equal("the vendor's Stripe account is not open", missing())
        apply({ disabledReason = "'requirements.past_due'" }, "null")
        assert.equal("the vendor's Stripe account cannot receive transfers: "
            .. "requirements.past_due", missing())
        apply(READY)
        assert.is_nil(missing())
    end)

    it("is ready once, and lost once", function()
        assert.equal("CHANGED", apply(nil, "null"))
        assert.equal("READY", apply(READY))
        assert.equal("CHANGED", apply(READY))
        assert.equal("LOST", apply({ transfers = "'inactive'" }))
        assert.equal("CHANGED", apply({ transfers = "'inactive'" }))
        assert.equal(1, f.db:value("select count(*) from outbox_events "
            .. "where type = 'vendor.stripe_ready'"))
    end)

    it("drops an answer that was overtaken", function()
        apply(READY)
        assert.equal("SAME", apply(nil, "now() - interval '1 second'"))
        assert.equal("SAME", apply(nil, "null"))
        assert.is_nil(missing())
    end)

    it("makes one of many that say at once that it is ready", function()
        apply(nil, "null")
        local texts = {}
        for i = 1, 12 do
            texts[i] = text_of(READY) .. ";"
        end
        assert.equal(12, (f:together(texts, 6)))
        assert.equal(1, f.db:value("select count(*) from outbox_events "
            .. "where type = 'vendor.stripe_ready'"))
    end)

    it("knows no account but the vendor's own", function()
        apply(nil, "null")
        assert.equal("FOREIGN", apply({ id = "'acct_2'", transfers = "'active'" }))
        assert.equal("acct_1", f.db:value("select provider_account_id from stripe_accounts"))
    end)

    it("takes no account of an earlier attempt for the one it waits for", function()
        f.db:query("update stripe_accounts set status = 'FAILED'")
        f.db:query("select stripe_account_open('" .. VENDOR .. "', 'US')")
        assert.equal("FOREIGN", apply({ attempt = "'1'" }, "null"))
        assert.equal("CHANGED", apply({ attempt = "'2'" }, "null"))
    end)

    it("holds the open payout with the reason while transfers are impossible", function()
        f:paid()
        local function reason()
            return f.db:value("select hold_reason from payouts where vendor_id = '" .. VENDOR
                .. "'")
        end
        apply(READY)
        assert.is_nil(reason())
        apply({ transfers = "'inactive'" })
        assert.equal("the vendor's Stripe account cannot receive transfers", reason())
        apply(READY)
        assert.is_nil(reason())
        f.db:query("select stripe_account_deauthorize('" .. VENDOR .. "', 'acct_1')")
        assert.equal("the vendor has disconnected its Stripe account", reason())
    end)

    it("is over when it was disconnected, until the vendor begins anew", function()
        apply(READY)
        local function deauthorize(id)
            return f.db:value(("select stripe_account_deauthorize('%s', '%s')"):format(VENDOR, id))
        end
        assert.equal("f", deauthorize("acct_2"))
        assert.equal("t", deauthorize("acct_1"))
        assert.equal("f", deauthorize("acct_1"))
        assert.equal("FOREIGN", apply(READY))
        local row = f.db:query("select attempt, status from stripe_account_open('" .. VENDOR
            .. "', 'DE')")[1]
        assert.same({ "2", "CREATING" }, { row[1], row[2] })
        assert.equal("FOREIGN", apply(READY))
        assert.equal("READY",
            apply({ id = "'acct_2'", attempt = "'2'", transfers = "'active'" }, "null"))
    end)

    it("opens no second account beside one that lives", function()
        for _ = 1, 2 do
            local row = f.db:query("select attempt from stripe_account_open('" .. VENDOR
                .. "', 'DE')")[1]
            assert.equal("1", row[1])
        end
    end)
end)
