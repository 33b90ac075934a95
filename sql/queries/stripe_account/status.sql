-- $1 vendor. How its account looks to it.
select
    coalesce(stripe_accounts.status = 'OPEN', false) as connected,
    coalesce(stripe_accounts.status, 'NONE') as status,
    stripe_accounts.provider_account_id as "accountId",
    coalesce(stripe_accounts.is_charges_enabled, false) as "chargesEnabled",
    coalesce(stripe_accounts.is_payouts_enabled, false) as "payoutsEnabled",
    coalesce(stripe_accounts.transfers_capability = 'active', false) as "transfersEnabled",
    coalesce(stripe_accounts.is_details_submitted, false) as "detailsSubmitted",
    coalesce(stripe_accounts.currently_due, '[]') as "currentlyDue",
    stripe_accounts.disabled_reason as "disabledReason",
    stripe_accounts.failure_message as "failureMessage",
    stripe_account_missing(vendors.id) as "transfersBlockedBy",
    stripe_accounts.checked_at as "checkedAt"
from vendors
left join stripe_accounts on stripe_accounts.vendor_id = vendors.id
where vendors.id = $1::uuid;
