--- Text that goes into the page, and the frame around every page.
local style = require("stripe_emulator.pay.style")

local html = {}

local ENTITIES = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;",
    ["'"] = "&#39;" }

function html.escape(text)
    return (tostring(text):gsub("[&<>\"']", ENTITIES))
end

--- Replaces {{name}} by values[name], escaped; {{{name}}} by values[name] as it stands.
function html.fill(template, values)
    local function value_of(name)
        local value = values[name]
        if value == nil then
            error("no value for " .. name)
        end
        return value
    end
    local filled = template:gsub("{{({?)([%w_]+)}?}}", function(raw, name)
        local value = value_of(name)
        return raw == "{" and value or html.escape(value)
    end)
    return filled
end

local FRAME = [[
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{{title}}</title>
<link rel="icon" href="data:,">
<style nonce="{{nonce}}">{{{style}}}</style>
</head>
<body>
<main>
<p class="badge">Test mode · no money moves</p>
{{{body}}}
</main>
<footer>Stripe emulator. It speaks Stripe's protocol and is not affiliated with Stripe.</footer>
<script nonce="{{nonce}}">
document.querySelectorAll("form").forEach(function (form) {
  form.addEventListener("submit", function (event) {
    if (form.getAttribute("aria-busy") === "true") { event.preventDefault(); return; }
    form.setAttribute("aria-busy", "true");
    var button = event.submitter;
    if (button && button.dataset.busy) { button.textContent = button.dataset.busy; }
  });
});
window.addEventListener("pageshow",
    function (event) { if (event.persisted) { location.reload(); } });
var problem = document.querySelector("[role=alert]");
if (problem) { problem.focus(); }
</script>
</body>
</html>
]]

--- A whole page and its headers. nonce: fresh for every answer.
function html.page(title, body, nonce)
    local text = html.fill(FRAME, { title = title, body = body, nonce = nonce, style = style })
    return text, {
        ["Content-Type"] = "text/html; charset=utf-8",
        ["Content-Security-Policy"] = ("default-src 'none'; style-src 'nonce-%s'; script-src "
            .. "'nonce-%s'; img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors "
            .. "'none'"):format(nonce, nonce),
        ["Referrer-Policy"] = "no-referrer",
        ["Cache-Control"] = "no-store",
    }
end

return html
