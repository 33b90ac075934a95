-- wrk's figures in one line: requests, seconds, p50 and p99 in ms. A failed request ends the run.
function done(summary, latency, _requests)
    local errors = summary.errors
    if errors.status + errors.connect + errors.read + errors.write + errors.timeout > 0 then
        io.stderr:write("bench: some requests failed\n")
        os.exit(1)
    end
    print(("figures %d %.3f %.3f %.3f"):format(summary.requests, summary.duration / 1e6,
        latency:percentile(50) / 1e3, latency:percentile(99) / 1e3))
end
