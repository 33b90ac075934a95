--- What is to happen next, out of many: a binary heap, so that putting in and taking out stay cheap
-- when thousands wait.
local heap = {}

--- is_before(a, b): whether a comes out first. It must be a total order for the run to be
-- repeatable.
function heap.new(is_before)
    return { is_before = is_before, items = {}, count = 0 }
end

function heap.push(self, item)
    local items, at = self.items, self.count + 1
    self.count = at
    while at > 1 do
        local above = math.floor(at / 2)
        if not self.is_before(item, items[above]) then
            break
        end
        items[at] = items[above]
        at = above
    end
    items[at] = item
end

function heap.first(self)
    return self.items[1]
end

--- The smaller of the two below `at`, or nil.
local function below(self, at)
    local left = at * 2
    if left > self.count then
        return nil
    elseif left < self.count and self.is_before(self.items[left + 1], self.items[left]) then
        return left + 1
    end
    return left
end

local function sink(self, item)
    local items, at = self.items, 1
    local next_at = below(self, at)
    while next_at and self.is_before(items[next_at], item) do
        items[at] = items[next_at]
        at = next_at
        next_at = below(self, at)
    end
    items[at] = item
end

--- Takes the first out; nil when there is none.
function heap.pop(self)
    local top = self.items[1]
    if not top then
        return nil
    end
    local last = self.items[self.count]
    self.items[self.count] = nil
    self.count = self.count - 1
    if self.count > 0 then
        sink(self, last)
    end
    return top
end

return heap
