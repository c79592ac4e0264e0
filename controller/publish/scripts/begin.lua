-- Does       Begins a new generation of one namespace, which nobody sees before flip.lua, and clears one that was left.
-- Keys       1    head       airl:{cfg:ai}:head                    hash: schema, epoch, generation, revision, next
--            2    left       airl:{cfg:ai}:0c9e1f57a3b2d488:objects   of the generation that was begun and left; none = head
-- Args       1    epoch      of the leader that calls
--            2    generation these three as the caller found the head; "" = absent
--            3    revision
--            4    next
--            5    begun      generation that begins
-- Returns    1    status     0 done, 1 fenced (a higher epoch is there), 2 behind (the head is not as the caller knows it)
--            2    schema     these five as found, before the change; absent = nil
--            3    epoch
--            4    generation
--            5    revision
--            6    next
-- Guarantee  Anything but "done" has written nothing. The head names what is being written from before its first object,
--            so that nothing of a publish that was broken off stays for ever. What is visible stays as it is.
-- Errors     Redis's own only (WRONGTYPE, OOM, READONLY, ...): then nothing is written.
local head, left = KEYS[1], KEYS[2]
local epoch, generation, revision, next, begun = unpack(ARGV)
local found = redis.call("HMGET", head, "schema", "epoch", "generation", "revision", "next")
if (tonumber(found[2]) or 0) > tonumber(epoch) then return { 1, unpack(found) } end
if (found[3] or "") ~= generation or (found[4] or "") ~= revision or (found[5] or "") ~= next then
  return { 2, unpack(found) }
end
redis.call("HSET", head, "epoch", epoch, "next", begun)
redis.call("PERSIST", head)
if left ~= head then redis.call("UNLINK", left) end
return { 0, unpack(found) }
