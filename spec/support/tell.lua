--- Lines of a spec that are shown although nothing failed (run_file.sh looks for "told: "); those
--- of a long run also as they come, to the file named by SOUK_PROGRESS.
return function(line)
    io.stdout:write("told: ", line, "\n")
    io.stdout:flush()
    local path = os.getenv("SOUK_PROGRESS")
    local file = path and io.open(path, "a")
    if file then
        file:write(line, "\n")
        file:close()
    end
end
