-- Books: every request is a booking nobody made before, under its own key and its own identifier (UUIDv7).
--
-- wrk -t1 … -s book.lua URL -- PLAN FIRST
--
-- PLAN is a Lua file: { visitType, practitioners, patients = { { id, token } … }, starts } (Sources/proofs/Bench/Plan.swift).
-- FIRST is the number of the first booking, so that a later round goes on where the one before ended.

local here = debug.getinfo(1, "S").source:match("^@(.*/)") or "./"
dofile(here .. "common.lua")

function init(args)
  plan = dofile(args[1])
  count = tonumber(args[2])
  stamp = os.time() * 1000
end

-- Consecutive numbers have the same start and differ in practitioner and patient: nobody is asked to be in two places.
function request()
  local n = count
  count = count + 1
  local people = #plan.practitioners
  local start = plan.starts[math.floor(n / people) + 1]
  if not start then error("the plan has no times left") end
  local patient = plan.patients[n % #plan.patients + 1]
  local time = string.format("%012x", stamp + math.floor(n / 16))
  local id = string.format("%s-%s-7%03x-8%03x-%012x", time:sub(1, 8), time:sub(9), n % 4096, n % 4096, n)
  return wrk.format("POST", "/v1/appointments", {
    ["Authorization"] = "Bearer " .. patient.token,
    ["Content-Type"] = "application/json",
    ["Idempotency-Key"] = "bench-" .. id,
  }, '{"id":"' .. id .. '","visitType":"' .. plan.visitType .. '","practitioner":"' .. plan.practitioners[n % people + 1]
    .. '","start":"' .. start .. '","patients":["' .. patient.id .. '"]}')
end
