-- Does       Notes that a data plane lives and what it says of itself, and counts those that live.
-- Keys       1    seen       airl:{dp:*}:seen     hash: data plane id -> "<Redis time in ms> <heartbeat>"
-- Args       1    id         of this data plane
--            2    heartbeat  its JSON
--            3    silentMs   who has been silent for longer does not count
--            4    expiryMs   who has been silent for longer is forgotten; expiry of the key
-- Returns    1    live       data planes that count, this one included
--            2    nowMs      Redis clock
-- Guarantee  Fields of others change only by being forgotten. One that reads as no time is forgotten.
-- Errors     Redis's own only (WRONGTYPE, OOM, READONLY, ...).
local seen, id, heartbeat, silentMs, expiryMs = KEYS[1], ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local time = redis.call("TIME")
local nowMs = time[1] * 1000 + math.floor(time[2] / 1000)

local live, all = 1, redis.call("HGETALL", seen)
for i = 1, #all, 2 do
  local sinceMs = nowMs - (tonumber(string.match(all[i + 1], "^(%d+) ")) or 0)
  if all[i] == id then sinceMs = expiryMs -- counted already, and written below
  elseif sinceMs >= expiryMs then redis.call("HDEL", seen, all[i]) end
  if sinceMs < silentMs then live = live + 1 end
end

redis.call("HSET", seen, id, string.format("%.0f ", nowMs) .. heartbeat)
redis.call("PEXPIRE", seen, expiryMs)
return { live, nowMs }
