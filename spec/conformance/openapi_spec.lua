-- The OpenAPI document of the running routes, judged by others: Redocly's linter, and TypeScript
-- over the client that openapi-typescript makes of it.
local json = require("core.json")
local shell = require("spec.support.shell")
local tools = require("spec.conformance.tools")

local BINARY = os.getenv("SOUK_BINARY") or "build/sanitize/souk"
local TOOLS = "spec/conformance/node_modules/.bin/"

local CLIENT = [[
import type { paths } from "./client";

type Answer<P extends keyof paths, M extends keyof paths[P], S extends number> =
    paths[P][M] extends { responses: infer R } ? S extends keyof R
        ? R[S] extends { content: { "application/json": infer B } } ? B : never : never : never;

const order = {} as Answer<"/api/checkout", "post", 201>;
export const total: number = order.total.amount;
export const fees: number[] = order.vendorOrders.map((part) => part.platformFee.amount);
const products = {} as Answer<"/api/products", "get", 200>;
export const next: string | null = products.page.nextCursor;
// @ts-expect-error a field that the document does not know
export const nothing = order.noSuchField;
]]

describe("The OpenAPI document", function()
    local folder, path, document

    setup(function()
        folder = os.getenv("SOUK_HOME") .. "/openapi"
        path = folder .. "/openapi.json"
        shell.must("mkdir -p " .. shell.quote(folder))
        shell.write(path, shell.must(BINARY .. " openapi --conf conf/test.conf"))
        document = assert(json.decode(shell.read(path)))
    end)

    it("has every route, each with an example of what goes in and what comes out", function()
        local missing, count = {}, 0
        for route, methods in pairs(document.paths) do
            for method, operation in pairs(methods) do
                count = count + 1
                local bodies = { operation.requestBody }
                for status, response in pairs(operation.responses) do
                    if status:sub(1, 1) == "2" then
                        bodies[#bodies + 1] = response
                    end
                end
                for _, body in ipairs(bodies) do
                    for kind, content in pairs(body.content or {}) do
                        if content.example == nil and content.examples == nil then
                            missing[#missing + 1] = method .. " " .. route .. " " .. kind
                        end
                    end
                end
            end
        end
        assert.same({}, missing)
        local routes = shell.must(BINARY .. " routes --conf conf/test.conf")
        local _, listed = routes:gsub("\n", "")
        assert.equal(listed + 2, count) -- and /health, /ready
    end)

    it("passes Redocly's linter", function()
        local why = tools.missing()
        if why then
            return tools.skip(why)
        end
        local output, code = shell.run("REDOCLY_TELEMETRY=off REDOCLY_SUPPRESS_UPDATE_NOTICE=true "
            .. TOOLS .. "redocly lint " .. shell.quote(path))
        assert.equal(0, code, output)
        assert.matches("valid", output, 1, true)
        assert.is_nil(output:find("You have %d+ warning"), output)
    end)

    it("makes a TypeScript client that compiles", function()
        local why = tools.missing()
        if why then
            return tools.skip(why)
        end
        shell.must(TOOLS .. "openapi-typescript " .. shell.quote(path) .. " -o "
            .. shell.quote(folder .. "/client.ts"))
        shell.write(folder .. "/use.ts", CLIENT)
        shell.must(TOOLS .. "tsc --strict --noEmit --skipLibCheck "
            .. shell.quote(folder .. "/use.ts"))
    end)
end)
