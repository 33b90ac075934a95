-- What wrk asks and tells. BENCH_PATHS names a file with a path a line, asked in turn, so that no
-- server is measured on a single row; then one line: requests, seconds, p50 p95 p99 in ms. A failed
-- request ends the run with 1: a fast error is not a fast answer.
local requests, at = {}, 0

function init(_arguments)
    for path in io.lines(os.getenv("BENCH_PATHS")) do
        requests[#requests + 1] = wrk.format("GET", path)
    end
end

function request()
    at = at % #requests + 1
    return requests[at]
end

function done(summary, latency, _requests)
    local errors = summary.errors
    if errors.status + errors.connect + errors.read + errors.write + errors.timeout > 0 then
        io.stderr:write(("wrk: %d refused, %d not connected, %d read, %d write, %d too late\n")
            :format(errors.status, errors.connect, errors.read, errors.write, errors.timeout))
        os.exit(1)
    end
    print(("figures %d %.4f %.4f %.4f %.4f"):format(summary.requests, summary.duration / 1e6,
        latency:percentile(50) / 1e3, latency:percentile(95) / 1e3, latency:percentile(99) / 1e3))
end
