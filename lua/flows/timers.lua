--- What buying and money do by themselves. These run on the leader only, and each turn is guarded
--- by row state: two leaders for a moment do no harm. Every worker keeps a geo index of its own.
local conf = require("core.conf")
local event_gaps = require("flows.event_gaps")
local dispute = require("flows.dispute")
local expiry = require("flows.expiry")
local fulfilment = require("flows.fulfilment")
local geo_feed = require("flows.geo_feed")
local event_outbox = require("flows.event_outbox")
local fee_audit = require("flows.fee_audit")
local feed_sweep = require("flows.feed_sweep")
local inbox = require("flows.inbox")
local invariants = require("flows.invariants")
local payment = require("flows.payment")
local payout = require("flows.payout")
local policies = require("flows.policies")
local policy_simulation = require("flows.policy_simulation")
local reconciliation = require("flows.reconciliation")
local refund = require("flows.refund")
local reversal = require("flows.reversal")
local search_postgres = require("flows.search_postgres")
local stripe_account = require("flows.stripe_account")
local stripe_fee = require("flows.stripe_fee")
local stripe_ops = require("flows.stripe_ops")

--- Driven by events alone.
require("flows.bank_payout")

return {
    { name = "geo.follow", every_ms = 20, idle_ms = 1000, run = geo_feed.follow },
    { name = "geo.keep", every_ms = 100, idle_ms = 1000, run = geo_feed.keep },
    {
        name = "orders.expire", every_ms = tonumber(conf("order.expire_every_ms")), leader = true,
        run = expiry.run,
    },
    { name = "events.deliver", every_ms = 200, leader = true, run = event_outbox.run },
    { name = "stripe.ops", every_ms = 500, leader = true, run = stripe_ops.sweep },
    { name = "stripe.events", every_ms = 1000, leader = true, run = inbox.drain },
    { name = "stripe.event_gaps", every_ms = 1000, leader = true, run = event_gaps.turn },
    { name = "payments.recheck", every_ms = 5000, leader = true, run = payment.sweep },
    { name = "invariants.watch", every_ms = 1000, leader = true, run = invariants.watch },
    { name = "stripe_fees.ask", every_ms = 1000, leader = true, run = stripe_fee.run },
    {
        name = "stripe_accounts.recheck", every_ms = 10000, leader = true,
        run = stripe_account.sweep,
    },
    {
        name = "policies.watch", every_ms = tonumber(conf("policy.watch_every_ms")), leader = true,
        run = policies.watch,
    },
    { name = "policies.simulate", every_ms = 300, leader = true, run = policy_simulation.work },
    {
        name = "feed.sweep", every_ms = 60000, leader = true,
        run = function()
            feed_sweep.run()
        end,
    },
    { name = "fees.audit", every_ms = 86400000, leader = true, run = fee_audit.run },
    { name = "disputes.recheck", every_ms = 10000, leader = true, run = dispute.sweep },
    { name = "reconciliation.turn", every_ms = 1000, leader = true, run = reconciliation.turn },
    { name = "refunds.recheck", every_ms = 5000, leader = true, run = refund.sweep },
    {
        name = "payouts.run", every_ms = tonumber(conf("payout.every_ms")), leader = true,
        run = payout.turn,
    },
    { name = "search.terms", every_ms = 2000, leader = true, run = search_postgres.count_terms },
    { name = "reversals.short", every_ms = 2000, leader = true, run = reversal.sweep },
    {
        name = "vendor_orders.complete", every_ms = 60000, leader = true,
        run = fulfilment.complete_due,
    },
}
