local database = require("spec.support.database")

describe("uuid_v7()", function()
    local db

    setup(function()
        db = database.fresh()
    end)

    teardown(function()
        db:drop()
    end)

    it("is a UUID of version 7 that carries the time", function()
        local id = db:value("select uuid_v7()")
        assert.matches("^%x+%-%x+%-7%x%x%x%-[89ab]%x%x%x%-%x+$", id)
        local ms = tonumber((id:gsub("-", "")):sub(1, 12), 16)
        assert.is_true(math.abs(ms / 1000 - os.time()) < 60)
    end)

    it("does not repeat", function()
        assert.equal(100000, db:value(
            "select count(distinct id) from "
            .. "(select uuid_v7() as id from generate_series(1, 100000)) as made"))
    end)

    it("makes every default id", function()
        assert.equal("none", db:value([[
            select coalesce(string_agg(table_name || '.' || column_name, ', '), 'none')
            from information_schema.columns
            where table_schema = 'public' and data_type = 'uuid' and column_default is not null
                and column_default <> 'uuid_v7()']]))
    end)
end)
