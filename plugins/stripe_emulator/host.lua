--- What the emulator needs of the engine, in one place: the only file here that knows core.*.
-- Everything else is handed a host, so that specs can hand in another clock or a recording network.
local clock = require("core.clock")
local conf = require("core.conf")
local crash = require("core.crash")
local crypto = require("core.crypto")
local fetch = require("core.fetch")
local json = require("core.json")
local log = require("core.log")
local sleep = require("core.sleep")
local state_file = require("core.state_file")
local stripe = require("core.stripe")

local DELIVERY_TIMEOUT_MS = 10000

local host = {}

--- POSTs and says how it went: the status, or nil and a word why there is none.
local function post(url, headers, body)
    local answer = fetch.request({
        method = "POST",
        url = url,
        headers = headers,
        body = body,
        timeout_ms = DELIVERY_TIMEOUT_MS,
        plain = true,
    })
    if answer.outcome == "answered" then
        return answer.status
    end
    return nil, answer.problem or answer.outcome
end

function host.new()
    return {
        conf = conf,
        crash = crash,
        form_decode = stripe.form_decode,
        json = json,
        log = log,
        now_ms = clock.now_ms,
        open_state = state_file.open,
        post = post,
        random = crypto.random_base62,
        sign = stripe.sign,
        sleep = sleep,
    }
end

return host
