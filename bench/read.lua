-- Reads one record after the other, each caller their own, or always the same room.
--
-- wrk -t1 … -s read.lua URL -- PLAN patients ROOM      what is recorded
-- wrk -t1 … -s read.lua URL -- PLAN room ROOM          what is not

local here = debug.getinfo(1, "S").source:match("^@(.*/)") or "./"
dofile(here .. "common.lua")

function init(args)
  plan = dofile(args[1])
  ofPatients = args[2] == "patients"
  room = args[3]
  count = 0
end

function request()
  count = count + 1
  local patient = plan.patients[count % #plan.patients + 1]
  local path = ofPatients and "/v1/patients/" .. patient.id or "/v1/rooms/" .. room
  return wrk.format("GET", path, { ["Authorization"] = "Bearer " .. patient.token })
end
