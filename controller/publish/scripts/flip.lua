-- Does       Makes the generation that was written the visible one, and removes the one before it.
-- Keys       1    head       airl:{cfg:ai}:head                    hash: schema, epoch, generation, revision, next
--            2    objects    airl:{cfg:ai}:5f3a90c1d2e4b786:objects   of the generation that was written
--            3    oldObjects airl:{cfg:ai}:0c9e1f57a3b2d488:objects   of the visible generation; none = head
--            4    oldChanges airl:{cfg:ai}:0c9e1f57a3b2d488:changes   of the visible generation; none = head
-- Args       1    epoch      of the leader that calls
--            2    schema     of what was written
--            3    generation these two as the caller found the head; "" = absent
--            4    revision
--            5    begun      generation that was written
--            6    following  revision from which it is in force
--            7    size       objects that were written
--            8    channel    where the word goes: "<generation> <revision>"
-- Returns    1    status     0 done, 1 fenced (a higher epoch is there), 2 behind (the head is not as the caller knows it)
--            2    schema     these five as found, before the change; absent = nil
--            3    epoch
--            4    generation
--            5    revision
--            6    next
-- Guarantee  Anything but "done" has written nothing. Readers see the old generation whole or the new one whole; one that is
--            amid the old one finds another generation in the head afterwards. UNLINK frees in the background.
-- Errors     Redis's own only (WRONGTYPE, OOM, READONLY, ...): then nothing is written.
local head, objects, oldObjects, oldChanges = unpack(KEYS)
local epoch, schema, generation, revision, begun, following, size, channel = unpack(ARGV)
local found = redis.call("HMGET", head, "schema", "epoch", "generation", "revision", "next")
if (tonumber(found[2]) or 0) > tonumber(epoch) then return { 1, unpack(found) } end
if (found[3] or "") ~= generation or (found[4] or "") ~= revision or found[5] ~= begun then
  return { 2, unpack(found) }
end
if redis.call("HLEN", objects) ~= tonumber(size) then return { 2, unpack(found) } end
redis.call("HSET", head, "schema", schema, "epoch", epoch, "generation", begun, "revision", following)
redis.call("HDEL", head, "next")
if oldObjects ~= head then redis.call("UNLINK", oldObjects, oldChanges) end
redis.call("PUBLISH", channel, begun .. " " .. following)
return { 0, unpack(found) }
