-- Does       Tells that a counter has reached percentages of its limit, each once in a window whoever else tells it too.
-- Keys       1    told       airl:{ntf:ai}:told:Gm0wX4kT5yq2b8s1ZrVd3A:q0T3kX9vB1s    string: "<percent>=<until ms> ..."
--            2    stream     airl:{ntf:ai}:stream                                     stream of what has been told
--            3    count      airl:{ntf:ai}:count                                      string: number of the last entry
-- Args       1    algorithm  "S" sliding, "F" fixed, "O" fixed from its opening, "C" calendar
--            2    windowMs   length of the window
--            3    index      of the window that was seen (number of it; "O", "C": when it began); not used with "S"
--            4    kept       entries that the stream keeps, about
--            5    lifeMs     expiry of stream and count
--            6..  per item   percent (integer), entry (text)
-- Returns    1    nowMs      Redis clock
--            2..  per item   won (1: told by this call; 0: it was told, or the window is over), untilMs (when it may be
--                            told again; 0: the window is over)
-- Guarantee  A percentage is told once until its window ends; of "S" once in the length of a window. Every key expires.
-- Errors     Redis's own only (WRONGTYPE, OOM, READONLY, ...).
local told, stream, count = KEYS[1], KEYS[2], KEYS[3]
local algorithm, windowMs, index, kept, lifeMs = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4], ARGV[5]
local time = redis.call("TIME")
local nowMs = time[1] * 1000 + math.floor(time[2] / 1000)

local endMs = nowMs + windowMs
if algorithm == "F" then endMs = (index + 1) * windowMs elseif algorithm ~= "S" then endMs = index + windowMs end

local untils, lastMs = {}, 0
for percent, untilMs in string.gmatch(redis.call("GET", told) or "", "(%d+)=(%d+)") do
  if tonumber(untilMs) > nowMs then untils[percent] = tonumber(untilMs) end
end

local reply, isNew = { nowMs }, false
for i = 6, #ARGV, 2 do
  local percent, won = ARGV[i], 0
  if endMs <= nowMs then reply[#reply + 1], reply[#reply + 2] = 0, 0
  else
    if not untils[percent] then
      won, isNew, untils[percent] = 1, true, endMs
      local number = redis.call("INCR", count)
      redis.call("XADD", stream, "MAXLEN", "~", kept, "*", "n", number, "end", string.format("%.0f", endMs), "entry", ARGV[i + 1])
    end
    reply[#reply + 1] = won
    reply[#reply + 1] = untils[percent]
  end
end
if not isNew then return reply end

local texts = {}
for percent, untilMs in pairs(untils) do
  texts[#texts + 1] = percent .. "=" .. string.format("%.0f", untilMs)
  lastMs = math.max(lastMs, untilMs)
end
redis.call("SET", told, table.concat(texts, " "), "PX", string.format("%.0f", lastMs - nowMs))
redis.call("PEXPIRE", stream, lifeMs)
redis.call("PEXPIRE", count, lifeMs)
return reply
