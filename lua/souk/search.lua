--- Search in what is on sale, whoever does it. A provider answers with ids and what is known of
--- them as hits; rows are read from PostgreSQL by id, where their status is looked at once more, so
--- that an index which lags behind never shows what is not on sale.
---
--- A provider is a table:
--- query(request): {ids, scores, sorts}, or nil, err. At most request.limit hits behind
---     request.offset or request.after, in the order of request.sort, ties by id. scores are ranks,
---     metres or nil; sorts are texts which, with an id, are where the next page begins.
--- total(request): how many there are, up to total_max(request); or nil, err.
--- facets(request): rows {facet, id, slug, name, count}; or nil, err.
--- key(request): a text, the same for the same filters: totals are remembered by it; or nil, err.
--- suggest(typed, limit): JSON text, an array of {text, slug, productId}; or nil, err.
--- correct(text): what was meant by text, nil when its words are all known; or nil, err.
--- statement(request), only of providers inside PostgreSQL: the name and arguments, as page.list
---     takes them, of one statement that gives hits and rows; or nil, err.
--- The request: {filters = {q, category, vendorId, minPrice, maxPrice, inStock, minRating}, near =
--- nil or {lat, lng, radiusKm}, sort, limit, offset = nil, after = nil or {sort, id}}.
local search = {}

local providers, chosen = {}, nil

--- Makes a provider known by its name. The first one is used until another is chosen.
function search.provide(name, provider)
    provider.name = name
    providers[name] = provider
    chosen = chosen or provider
end

--- Chooses who answers from now on.
function search.use(name)
    chosen = providers[name] or error("no search provider " .. tostring(name), 2)
end

function search.provider()
    return chosen
end

--- The hits of a request: {ids, scores, sorts, total, total_is_exact, facets, after, provider}; or
--- nil, err. total and facets only when request.wants_total and request.wants_facets say so; after
--- is nil behind the last hit.
function search.query(request)
    local result, problem = chosen.query(request)
    if not result then
        return nil, problem
    end
    if request.wants_total then
        result.total, problem = chosen.total(request)
        result.total_is_exact = result.total and result.total < chosen.total_max(request)
    end
    if request.wants_facets and not problem then
        result.facets, problem = chosen.facets(request)
    end
    if problem then
        return nil, problem
    end
    local count = #result.ids
    result.after = count == request.limit
        and { result.sorts[count], result.ids[count] } or nil
    result.provider = chosen.name
    return result
end

--- JSON text of completions of what somebody types; or nil, err.
function search.suggest(typed, limit)
    return chosen.suggest(typed, limit)
end

--- text with its unknown words put right; nil when there are none, or nothing is like them; or nil,
--- err.
function search.correct(text)
    return chosen.correct(text)
end

return search
