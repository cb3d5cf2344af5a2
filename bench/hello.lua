-- Asks for the least there is. wrk -t1 … -s hello.lua URL

local here = debug.getinfo(1, "S").source:match("^@(.*/)") or "./"
dofile(here .. "common.lua")

function request() return wrk.format("GET", "/hello") end
