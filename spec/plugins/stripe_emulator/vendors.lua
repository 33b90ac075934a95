--- Connected accounts for specs, and the money that goes to and from them.
local vendors = {}

local function made(answer)
    assert(answer.status == 200, answer.text)
    return answer.body
end

--- One that may take transfers and pay out.
function vendors.new(world)
    local account = made(world:post("/v1/accounts",
        "type=express&capabilities[transfers][requested]=true"))
    return made(world:control("onboard/" .. account.id))
end

--- amount of the intent's charge.
function vendors.transfer(world, vendor, intent, amount)
    return made(world:post("/v1/transfers",
        ("amount=%d&currency=%s&destination=%s&source_transaction=%s"):format(amount,
        intent.currency, vendor.id, intent.latest_charge)))
end

--- The header of a call on the vendor's behalf; none for nil, the platform.
function vendors.header(vendor)
    return vendor and { ["Stripe-Account"] = vendor.id } or nil
end

--- What is paid out to the bank, now.
function vendors.payout(world, vendor, amount)
    return made(world:post("/v1/payouts", "currency=usd&amount=" .. amount,
        vendors.header(vendor)))
end

--- {available, pending} in the currency that the balance shows first.
function vendors.sums(world, vendor)
    local balance = made(world:get("/v1/balance", vendors.header(vendor)))
    return { balance.available[1].amount, balance.pending[1].amount }
end

return vendors
