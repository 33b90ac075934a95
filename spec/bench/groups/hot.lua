--- One product that everybody wants.
local hot = {}

function hot.hot()
end

return hot
