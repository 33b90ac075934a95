--- The smallest of ascending numbers that so great a share (0 to 1) of them does not exceed; nil of
--- none.
return function(sorted, share)
    return sorted[math.max(1, math.ceil(#sorted * share))]
end
