-- Does       Checks the counters of one request in one slot tag and, if none refuses, adds what is asked.
-- Keys       1..  counter    airl:c:{7f}:Gm0wX4kT5yq2b8s1ZrVd3A    hash: field -> "index current previous"
-- Args       1..  per check  key (1 = the first), field, algorithm ("S" sliding, "F" fixed, "O" fixed from its opening,
--                            "C" calendar), window (its length in ms; "C": "<start> <end>" in epoch ms), ask (integer; 0 =
--                            only check), refuseAt (usage from which it refuses; "" = never)
-- Returns    1    nowMs      Redis clock
--            2    taken      1: every ask was added; 0: a check refused; 2: nowMs is not in the window of a "C"
--            3..  per check  state ("index current previous" as of nowMs, before the ask; text, as ioredis reads integers
--                            near 2^53 wrongly); no states with 2
-- Guarantee  A refusal adds nothing; it may open windows; with 2 nothing is written. A check "O" that does not itself
--            refuse opens a window (index is then nowMs) unless one is open. Amounts stay below 2^53. A counter that is
--            created or enters a new window lives for two windows, "C" until its window ends. Without checks it only
--            tells the time. The arithmetic is that of core/window.ts.
-- Errors     Redis's own only (WRONGTYPE, OOM, READONLY, ...).
local MAX = 9007199254740991
local time = redis.call("TIME")
local nowMs = time[1] * 1000 + math.floor(time[2] / 1000)

local function read(key, field, algorithm, windowMs, startMs)
  local was, current, previous = string.match(redis.call("HGET", key, field) or "", "^(%d+) (%d+) (%d+)$")
  was, current, previous = tonumber(was), tonumber(current) or 0, tonumber(previous) or 0
  local index = startMs or math.floor(nowMs / windowMs)
  if algorithm == "O" then
    if was and nowMs < was + windowMs then index = was else index, current, previous = nowMs, 0, 0 end
  elseif was and was >= index then index = was
  elseif was == index - 1 then previous, current = current, 0
  else previous, current = 0, 0 end
  return { was = was, index = index, current = current, previous = previous }
end

local function format(state) return string.format("%.0f %.0f %.0f", state.index, state.current, state.previous) end

local function usage(algorithm, windowMs, state)
  if algorithm ~= "S" then return state.current end
  local elapsed = math.max(0, nowMs - state.index * windowMs)
  return state.current + math.min(state.previous, state.previous * (windowMs - elapsed) / windowMs)
end

local taken, reply, states = 1, { nowMs, 1 }, {}
for i = 1, #ARGV, 6 do
  local key, field, algorithm = KEYS[tonumber(ARGV[i])], ARGV[i + 1], ARGV[i + 2]
  local windowMs, refuseAt, startMs, endMs = tonumber(ARGV[i + 3]), tonumber(ARGV[i + 5]), nil, nil
  if algorithm == "C" then
    startMs, endMs = string.match(ARGV[i + 3], "^(%d+) (%d+)$")
    startMs, endMs = tonumber(startMs), tonumber(endMs)
    if nowMs < startMs or nowMs >= endMs then return { nowMs, 2 } end
  end
  local id = ARGV[i] .. " " .. field -- two checks may name one counter: they share its state
  local state = states[id] or read(key, field, algorithm, windowMs, startMs)
  states[id], state.lifeMs = state, endMs and endMs - nowMs or 2 * windowMs
  if refuseAt and usage(algorithm, windowMs, state) >= refuseAt then taken = 0
  elseif algorithm == "O" then state.opens = true end
  reply[#reply + 1] = format(state)
end
reply[2] = taken

for i = 1, #ARGV, 6 do
  local key, field, state = KEYS[tonumber(ARGV[i])], ARGV[i + 1], states[ARGV[i] .. " " .. ARGV[i + 1]]
  local ask, lifeMs = taken * tonumber(ARGV[i + 4]), state.lifeMs
  if ask > 0 or (state.opens and state.was ~= state.index) then
    state.current = math.min(MAX, state.current + ask)
    redis.call("HSET", key, field, format(state))
    if state.was ~= state.index and redis.call("PTTL", key) < lifeMs then redis.call("PEXPIRE", key, lifeMs) end
    state.was = state.index
  end
end
return reply
