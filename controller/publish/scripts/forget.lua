-- Does       Takes away what is left of a namespace that is published and has no objects.
-- Keys       1    head       airl:{cfg:ai}:head                    hash: schema, epoch, generation, revision, next
--            2    objects    airl:{cfg:ai}:5f3a90c1d2e4b786:objects   hash: field -> entry
--            3    changes    airl:{cfg:ai}:5f3a90c1d2e4b786:changes   stream: "<revision>-0" -> fields and entries
-- Args       1    epoch      of the leader that calls
--            2    generation these two as the caller knows the head
--            3    revision
--            4    expiryMs   how long the head stays, for its revision: a namespace that comes back goes on from there
-- Returns    1    status     0 done, 1 fenced (a higher epoch is there), 2 behind (the head is not as the caller knows it)
--            2    schema     these five as found, before the change; absent = nil
--            3    epoch
--            4    generation
--            5    revision
--            6    next
-- Guarantee  Anything but "done" has written nothing. A namespace with objects is never forgotten.
-- Errors     Redis's own only (WRONGTYPE, OOM, READONLY, ...): then nothing is written.
local head, objects, changes = unpack(KEYS)
local epoch, generation, revision, expiryMs = unpack(ARGV)
local found = redis.call("HMGET", head, "schema", "epoch", "generation", "revision", "next")
if (tonumber(found[2]) or 0) > tonumber(epoch) then return { 1, unpack(found) } end
if found[3] ~= generation or found[4] ~= revision or redis.call("EXISTS", objects) == 1 then
  return { 2, unpack(found) }
end
redis.call("HDEL", head, "generation")
redis.call("HSET", head, "epoch", epoch)
redis.call("PEXPIRE", head, expiryMs)
redis.call("UNLINK", changes)
return { 0, unpack(found) }
