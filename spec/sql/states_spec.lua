--- Whatever code says, the tables take legal steps only: every pair of statuses is tried.
local fixture = require("spec.sql.fixture")

local MACHINES = {
    orders = {
        statuses = { "PENDING", "CONFIRMED", "COMPLETED", "CANCELLED", "EXPIRED" },
        legal = {
            "PENDING>CONFIRMED", "PENDING>EXPIRED", "PENDING>CANCELLED", "EXPIRED>CONFIRMED",
            "CONFIRMED>COMPLETED", "CONFIRMED>CANCELLED",
        },
        dated = "confirmed_at = now()",
    },
    vendor_orders = {
        statuses = {
            "PENDING", "CONFIRMED", "PROCESSING", "SHIPPED", "DELIVERED", "COMPLETED", "CANCELLED",
        },
        legal = {
            "PENDING>CONFIRMED", "PENDING>CANCELLED", "CONFIRMED>PROCESSING", "CONFIRMED>CANCELLED",
            "PROCESSING>SHIPPED", "PROCESSING>CANCELLED", "SHIPPED>DELIVERED",
            "DELIVERED>COMPLETED",
        },
        dated = "confirmed_at = now(), shipped_at = now(), delivered_at = now()",
    },
    payouts = {
        statuses = { "PENDING", "PROCESSING", "PAID", "FAILED", "ON_HOLD" },
        legal = {
            "PENDING>PROCESSING", "PROCESSING>PAID", "PROCESSING>FAILED", "FAILED>PENDING",
            "PAID>FAILED", "PENDING>ON_HOLD", "ON_HOLD>PENDING",
        },
    },
    payments = {
        statuses = {
            "CREATED", "REQUIRES_ACTION", "PROCESSING", "SUCCEEDED", "FAILED", "CANCELLED",
        },
        legal = {
            "CREATED>REQUIRES_ACTION", "CREATED>PROCESSING", "CREATED>SUCCEEDED", "CREATED>FAILED",
            "CREATED>CANCELLED", "REQUIRES_ACTION>CREATED", "REQUIRES_ACTION>PROCESSING",
            "REQUIRES_ACTION>SUCCEEDED", "REQUIRES_ACTION>FAILED", "REQUIRES_ACTION>CANCELLED",
            "PROCESSING>CREATED", "PROCESSING>REQUIRES_ACTION", "PROCESSING>SUCCEEDED",
            "PROCESSING>FAILED", "PROCESSING>CANCELLED",
        },
        dated = "provider_payment_id = 'pi'",
    },
}

describe("the state machines", function()
    local f

    setup(function()
        f = fixture.new()
        f:paid()
        f.db:query("delete from payout_items where amount_minor = 3600")
        f.db:query("delete from payouts where amount_minor = 3600")
        f.db:query([[
            create function step_try(p_table text, p_dated text, p_from text, p_to text)
            returns text language plpgsql as $$
            declare v_row tid;
            begin
                execute format('select ctid from %I limit 1', p_table) into v_row;
                set local session_replication_role = replica;
                execute format('update %I set status = %L %s where ctid = %L returning ctid',
                    p_table, p_from, coalesce(', ' || nullif(p_dated, ''), ''), v_row) into v_row;
                set local session_replication_role = origin;
                begin
                    execute format('update %I set status = %L where ctid = %L', p_table, p_to,
                        v_row);
                    return 'legal';
                exception when sqlstate 'SK411' then
                    return 'refused';
                end;
            end;
            $$]])
    end)

    teardown(function()
        f:done()
    end)

    for name, machine in pairs(MACHINES) do
        it("of " .. name .. " takes these steps and no other", function()
            local legal, queries = {}, {}
            for _, from in ipairs(machine.statuses) do
                for _, to in ipairs(machine.statuses) do
                    if from ~= to then
                        queries[#queries + 1] = ("begin; select '%s>%s', step_try('%s', '%s', "
                            .. "'%s', '%s'); rollback;"):format(from, to, name,
                            (machine.dated or ""):gsub("'", "''"), from, to)
                    end
                end
            end
            for _, row in ipairs(f.db:query(table.concat(queries, "\n"))) do
                if row[2] == "legal" then
                    legal[#legal + 1] = row[1]
                end
            end
            table.sort(legal)
            table.sort(machine.legal)
            assert.same(machine.legal, legal)
        end)
    end
end)
