-- Does       Changes entries of the index of namespaces.
-- Keys       1    epoch      airl:{cfg}:epoch                      string: epoch of the leader
--            2    namespaces airl:{cfg}:namespaces                 hash: namespace -> generation
-- Args       1    epoch      of the leader that calls
--            2..  per entry  namespace, generation ("" = remove)
-- Returns    1    status     0 done, 1 fenced (a higher epoch is there)
--            2    found      the epoch found; 0 = none
-- Guarantee  Anything but "done" has written nothing. A repeated call changes nothing. The last entry is never removed:
--            an index that is absent means a Redis that lost its data. A lost epoch is put back.
-- Errors     Redis's own only (WRONGTYPE, OOM, READONLY, ...): then nothing is written.
local key, namespaces, epoch = KEYS[1], KEYS[2], tonumber(ARGV[1])
local found = tonumber(redis.call("GET", key)) or 0
if found > epoch then return { 1, found } end
local size = redis.call("HLEN", namespaces)
redis.call("SET", key, ARGV[1])
for i = 2, #ARGV, 2 do
  if ARGV[i + 1] ~= "" then
    redis.call("HSET", namespaces, ARGV[i], ARGV[i + 1])
  elseif size > 1 then
    size = size - redis.call("HDEL", namespaces, ARGV[i])
  end
end
return { 0, found }
