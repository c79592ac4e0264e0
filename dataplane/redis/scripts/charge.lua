-- Does       Applies one batch of charges of one data plane in one slot tag, once and only in its order.
-- Keys       1    sequence   airl:s:{7f}:9c1f0a7be2d34c55          string: the last batch applied
--            2..  counter    airl:c:{7f}:Gm0wX4kT5yq2b8s1ZrVd3A    hash: field -> "index current previous"
-- Args       1    batch      number of this batch, from 1
--            2    base       1: apply even if the batches before it are not known here; 0: only right after them
--            3    expiryMs   expiry of the sequence key
--            4..  per item   key (1 = the first counter), field, windowMs, amount (integer; negative gives back),
--                            index (the window that the amount belongs to; "" = the window of Redis's own clock)
-- Returns    1    status     0 applied, 1 duplicate, 2 gap (an earlier batch is missing), 3 unknown (no batch is known)
--            2    last       the last batch applied, this one included; 0 = none
--            3    nowMs      Redis clock
--            4    skipped    items left out because their key holds another type
-- Guarantee  Anything but "applied" has written nothing. Amounts stay within 0..2^53-1. An amount whose window is older
--            than the previous one has no effect. A counter that is created or enters a new window lives for two windows.
-- Errors     Redis's own only (OOM, READONLY, ...), raised by the first write: then nothing is written.
local sequence, batch, base, expiryMs = KEYS[1], tonumber(ARGV[1]), ARGV[2] == "1", ARGV[3]
local MAX = 9007199254740991
local time = redis.call("TIME")
local nowMs = time[1] * 1000 + math.floor(time[2] / 1000)

local last = tonumber(redis.call("GET", sequence))
if not last and batch ~= 1 and not base then return { 3, 0, nowMs, 0 } end
if last and batch <= last then return { 1, last, nowMs, 0 } end
if last and batch > last + 1 and not base then return { 2, last, nowMs, 0 } end

local function bounded(amount) return math.max(0, math.min(MAX, amount)) end

local items, skipped = {}, 0
for i = 4, #ARGV, 5 do
  local item = {
    key = KEYS[1 + tonumber(ARGV[i])], field = ARGV[i + 1], windowMs = tonumber(ARGV[i + 2]),
    amount = tonumber(ARGV[i + 3]), target = tonumber(ARGV[i + 4]),
  }
  -- pcall: a key of another type must cost its own charges only, not hold up every batch of the tag
  if type(redis.pcall("HLEN", item.key)) == "number" then items[#items + 1] = item else skipped = skipped + 1 end
end

redis.call("SET", sequence, ARGV[1], "PX", expiryMs)
for _, item in ipairs(items) do
  local stored = redis.call("HGET", item.key, item.field)
  local was, current, previous = string.match(stored or "", "^(%d+) (%d+) (%d+)$")
  was, current, previous = tonumber(was), tonumber(current) or 0, tonumber(previous) or 0
  local index = math.floor(nowMs / item.windowMs)
  if was and was >= index then index = was
  elseif was == index - 1 then previous, current = current, 0
  else previous, current = 0, 0 end

  local target, amount = item.target or index, item.amount
  local applies = was or amount > 0 -- giving back what is not there creates nothing
  if target > index and amount > 0 then target = index end -- the sender's clock is ahead of this one
  if target == index then current = bounded(current + amount)
  elseif target == index - 1 then previous = bounded(previous + amount)
  else applies = false end
  if applies then
    redis.call("HSET", item.key, item.field, string.format("%.0f %.0f %.0f", index, current, previous))
    local lifeMs = 2 * item.windowMs
    if was ~= index and redis.call("PTTL", item.key) < lifeMs then redis.call("PEXPIRE", item.key, lifeMs) end
  end
end
return { 0, batch, nowMs, skipped }
