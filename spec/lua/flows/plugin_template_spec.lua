local plugin_template = require("flows.plugin_template")

describe("plugin_template", function()
    for _, name in ipairs({ "", "Upper", "1st", "a-b", ("a"):rep(41) }) do
        it(("refuses the name '%s'"):format(name), function()
            local written, problem = plugin_template.write(name)
            assert.is_nil(written)
            assert.matches("lower-case letters", problem.message, 1, true)
        end)
    end
end)
