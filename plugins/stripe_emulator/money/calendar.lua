--- Which day a moment is in (UTC), for schedules of payouts.
local calendar = {}

local DAY_S = 24 * 3600
local WEEKDAYS = { "thursday", "friday", "saturday", "sunday", "monday", "tuesday", "wednesday" }

calendar.DAY_S = DAY_S

function calendar.midnight(at)
    return at - at % DAY_S
end

function calendar.weekday(at)
    return WEEKDAYS[math.floor(at / DAY_S) % 7 + 1]
end

--- The day of the month, 1 to 31: counted in years that begin in March, so that the leap day is the
-- last of its year.
function calendar.day_of_month(at)
    local days = math.floor(at / DAY_S) + 719468
    local day_of_era = days % 146097
    local year = math.floor((day_of_era - math.floor(day_of_era / 1460)
        + math.floor(day_of_era / 36524) - math.floor(day_of_era / 146096)) / 365)
    local day_of_year = day_of_era - (365 * year + math.floor(year / 4) - math.floor(year / 100))
    local month = math.floor((5 * day_of_year + 2) / 153)
    return day_of_year - math.floor((153 * month + 2) / 5) + 1
end

return calendar
