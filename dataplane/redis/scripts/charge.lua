-- Does       Applies one batch of charges of one data plane in one slot tag, once and only in its order.
-- Keys       1    sequence   airl:s:{7f}:9c1f0a7be2d34c55          string: the last batch applied
--            2..  counter    airl:c:{7f}:Gm0wX4kT5yq2b8s1ZrVd3A    hash: field -> "index current previous"
-- Args       1    batch      number of this batch, from 1
--            2    base       1: apply even if the batches before it are not known here; 0: only right after them
--            3    expiryMs   expiry of the sequence key
--            4..  per item   key (1 = the first counter), field, algorithm (as of admit.lua), window (as of admit.lua; "C":
--                            of the amount), amount (integer; negative gives back), index (of the amount's window; "" =
--                            the window of Redis's own clock; "C": the counter's own)
-- Returns    1    status     0 applied, 1 duplicate, 2 gap (an earlier batch is missing), 3 unknown (no batch is known),
--                            4 early (the window of a "C" has not begun)
--            2    last       the last batch applied, this one included; 0 = none
--            3    nowMs      Redis clock
--            4    skipped    items left out because their key holds another type
-- Guarantee  Anything but "applied" has written nothing. Amounts stay within 0..2^53-1. An amount whose window is older
--            than the previous one ("O", "C": has ended) has no effect; of "O" any other goes to the window that is
--            open, or opens its own. A counter that is created or enters a new window lives for two windows, "C" until
--            its window ends.
-- Errors     Redis's own only (OOM, READONLY, ...), raised by the first write: then nothing is written.
local sequence, batch, base, expiryMs, MAX = KEYS[1], tonumber(ARGV[1]), ARGV[2] == "1", ARGV[3], 9007199254740991
local time = redis.call("TIME")
local nowMs = time[1] * 1000 + math.floor(time[2] / 1000)

local last = tonumber(redis.call("GET", sequence))
if not last and batch ~= 1 and not base then return { 3, 0, nowMs, 0 } end
if last and batch <= last then return { 1, last, nowMs, 0 } end
if last and batch > last + 1 and not base then return { 2, last, nowMs, 0 } end

local function bounded(amount) return math.max(0, math.min(MAX, amount)) end
local function onGrid(windowMs, amount, target, was, current, previous, startMs)
  local index, applies = startMs or math.floor(nowMs / windowMs), was or amount > 0 -- what is not there is not given back
  if was and was >= index then index = was
  else current, previous = 0, was == index - 1 and current or 0 end
  if not target or (target > index and amount > 0) then target = index end -- the sender's clock is ahead of this one
  if target == index then return applies, index, bounded(current + amount), previous end
  return applies and target == index - 1, index, current, bounded(previous + amount)
end

local function fromFirst(windowMs, amount, target, was, current)
  local isOpen = was and nowMs < was + windowMs
  if isOpen and target == was then return true, was, bounded(current + amount), 0 end
  local applies = amount > 0 and nowMs < (target or nowMs) + windowMs
  return applies, isOpen and was or math.min(target or nowMs, nowMs), bounded((isOpen and current or 0) + amount), 0
end

local items, skipped, starts, ends = {}, 0, {}, {}
for i = 4, #ARGV, 6 do -- pcall: a key of another type must cost its own charges only, not hold up every batch of the tag
  if ARGV[i + 2] == "C" then
    local startMs, endMs = string.match(ARGV[i + 3], "^(%d+) (%d+)$")
    starts[i], ends[i] = tonumber(startMs), tonumber(endMs)
    if nowMs < starts[i] then return { 4, last or 0, nowMs, 0 } end
  end
  if type(redis.pcall("HLEN", KEYS[1 + ARGV[i]])) ~= "number" then skipped = skipped + 1
  elseif not ends[i] or nowMs < ends[i] then items[#items + 1] = i end
end

redis.call("SET", sequence, ARGV[1], "PX", expiryMs)
for _, i in ipairs(items) do
  local key, field, windowMs = KEYS[1 + ARGV[i]], ARGV[i + 1], tonumber(ARGV[i + 3])
  local place = ARGV[i + 2] == "O" and fromFirst or onGrid
  local was, now, before = string.match(redis.call("HGET", key, field) or "", "^(%d+) (%d+) (%d+)$")
  was, now, before = tonumber(was), tonumber(now) or 0, tonumber(before) or 0
  local amount, target, lifeMs = tonumber(ARGV[i + 4]), tonumber(ARGV[i + 5]), ends[i] and ends[i] - nowMs or 2 * windowMs
  local applies, index, current, previous = place(windowMs, amount, target, was, now, before, starts[i])
  if applies then
    redis.call("HSET", key, field, string.format("%.0f %.0f %.0f", index, current, previous))
    if was ~= index and redis.call("PTTL", key) < lifeMs then redis.call("PEXPIRE", key, lifeMs) end
  end
end
return { 0, batch, nowMs, skipped }
