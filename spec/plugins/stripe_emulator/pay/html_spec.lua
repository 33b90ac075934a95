local html = require("stripe_emulator.pay.html")

describe("A template", function()
    it("escapes what it is given, unless that is HTML already", function()
        local values = { text = [[<b>"x" & 'y'</b>]] }
        assert.equal("&lt;b&gt;&quot;x&quot; &amp; &#39;y&#39;&lt;/b&gt;",
            html.fill("{{text}}", values))
        assert.equal(values.text, html.fill("{{{text}}}", values))
    end)

    it("takes values as they are, whatever they look like", function()
        assert.equal("{{b}} %1 %%", html.fill("{{{a}}}", { a = "{{b}} %1 %%", b = "no" }))
    end)

    it("is an error when a value is missing, so that no page is half made", function()
        assert.has_error(function()
            html.fill("{{nothing}}", {})
        end)
    end)
end)
