std = "luajit"
max_line_length = 100
max_cyclomatic_complexity = 10
ignore = { "212/_.*", "213/_.*" }  -- an unwanted argument is named _something
-- All that a policy may touch. core/bridge/sandbox.c builds the same list; a spec compares them.
stds.policy = { read_globals = {
    "assert", "error", "ipairs", "pairs", "select", "tonumber", "tostring", "type",
    math = { fields = { "abs", "ceil", "floor", "max", "min" } },
    money = { fields = { "bps", "percent" } },
    string = { fields = { "find", "format", "lower", "sub", "upper" } },
    table = { fields = { "concat", "insert", "sort" } } } }
files["lua/policies/"] = { std = "policy", max_cyclomatic_complexity = 6 }
files["spec/"] = { std = "+busted", max_cyclomatic_complexity = false }
files["spec/bench/*.lua"] = { globals = { "request", "response", "setup", "init", "done", "wrk" } }
files["plugins/*/spec/"] = { std = "+busted", max_cyclomatic_complexity = false }
exclude_files = { "build/", "var/", "node_modules/" }
files["spec/support/runner.lua"] = { globals = { "os" } }
