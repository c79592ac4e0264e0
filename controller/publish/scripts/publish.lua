-- Does       Publishes changes of one namespace: objects, the change for those who follow, the new revision, the word.
-- Keys       1    head       airl:{cfg:ai}:head                    hash: schema, epoch, generation, revision, next
--            2    objects    airl:{cfg:ai}:5f3a90c1d2e4b786:objects   hash: field -> entry
--            3    changes    airl:{cfg:ai}:5f3a90c1d2e4b786:changes   stream: "<revision>-0" -> fields and entries
-- Args       1    epoch      of the leader that calls
--            2    schema     these three as the caller knows the head
--            3    generation
--            4    revision
--            5    following  revision after this change
--            6    keep       changes that the stream keeps, about
--            7    channel    where the word goes: "<generation> <revision>"
--            8..  per object field, entry ("" = removed)
-- Returns    1    status     0 done, 1 fenced (a higher epoch is there), 2 behind (the head is not as the caller knows it)
--            2    schema     these five as found, before the change; absent = nil
--            3    epoch
--            4    generation
--            5    revision
--            6    next
-- Guarantee  Anything but "done" has written nothing. The word goes out after the change is in place.
-- Errors     Redis's own only (WRONGTYPE, OOM, READONLY, ...), raised by a check or the first write: then nothing is
--            written.
local head, objects, changes = KEYS[1], KEYS[2], KEYS[3]
local epoch, schema, generation, revision, following, keep, channel = unpack(ARGV, 1, 7)
local found = redis.call("HMGET", head, "schema", "epoch", "generation", "revision", "next")
if (tonumber(found[2]) or 0) > tonumber(epoch) then return { 1, unpack(found) } end
if found[1] ~= schema or found[3] ~= generation or found[4] ~= revision then return { 2, unpack(found) } end
redis.call("HLEN", objects)
redis.call("XADD", changes, "MAXLEN", "~", keep, following .. "-0", unpack(ARGV, 8))
for i = 8, #ARGV, 2 do
  if ARGV[i + 1] == "" then redis.call("HDEL", objects, ARGV[i])
  else redis.call("HSET", objects, ARGV[i], ARGV[i + 1]) end
end
redis.call("HSET", head, "epoch", epoch, "revision", following)
redis.call("PUBLISH", channel, generation .. " " .. following)
return { 0, unpack(found) }
