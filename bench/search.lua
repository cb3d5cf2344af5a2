-- Searches for free times.
--
-- wrk -t1 … -s search.lua URL -- PLAN FROM TO one      the short visit, another practitioner each time
-- wrk -t1 … -s search.lua URL -- PLAN FROM TO first    the first twenty of all practitioners, with a room and a device

local here = debug.getinfo(1, "S").source:match("^@(.*/)") or "./"
dofile(here .. "common.lua")

function init(args)
  plan = dofile(args[1])
  range = "&from=" .. args[2] .. "&to=" .. args[3]
  one = args[4] == "one"
  count = 0
end

function request()
  count = count + 1
  local path = one
    and "/v1/free-times?visitType=" .. plan.visitType .. "&practitioner=" .. plan.practitioners[count % #plan.practitioners + 1] .. range
    or "/v1/free-times?visitType=" .. plan.fullVisitType .. "&limit=20" .. range
  return wrk.format("GET", path, { ["Authorization"] = "Bearer " .. plan.patients[count % #plan.patients + 1].token })
end
