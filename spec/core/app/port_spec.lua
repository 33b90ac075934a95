local database = require("spec.support.database")
local server_process = require("spec.support.server")
local shell = require("spec.support.shell")

describe("A port that is taken", function()
    it("is refused with a message, rather than shared with the server that has it", function()
        local first = server_process.start({
            db = database.fresh(), set = { ["http.workers"] = 1 },
        })
        local output, code = shell.run(table.concat({
            "SOUK_HOME=" .. shell.quote(os.getenv("SOUK_HOME") .. "/second"),
            "DATABASE_URL=" .. shell.quote(first.db.url),
            "timeout 60", first.binary, "serve --conf conf/test.conf",
            "--set http.port=" .. first.port,
        }, " "))
        first:stop()
        assert.equal(1, code)
        assert.matches("port " .. first.port .. " of 127.0.0.1 is taken", output, 1, true)
    end)
end)
