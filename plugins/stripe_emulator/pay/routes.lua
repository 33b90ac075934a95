local routes = { routes = {} }

return routes
